// Package anthropic is a local Anthropic for the sandbox: the Admin API's part
// about keys, usage per key, models, messages, and the Console in which people
// make keys.
//
// # Model
//
// An organisation has workspaces, and keys that belong to one of them or to
// none. A key is active, inactive, archived or expired; only an active one is
// accepted. No API makes a key and none deletes one: people make them
// ([Server.Create]), the value is shown then and never again, and archived keys
// stay listed. The Admin API takes an Admin API key and nothing else; an
// ordinary key there is 403, an Admin API key at the models is 401. Every
// request names its version, or is 400.
//
// A key without a workspace is accepted only with a header that names one.
//
// # What may run twice
//
// Everything over the API. Creating is for people: each time makes another live
// key, also under a name that is taken.
//
// Shapes follow https://platform.claude.com/docs/en/api and the types of
// https://github.com/anthropics/anthropic-sdk-go. The package imports nothing of
// the product.
package anthropic
