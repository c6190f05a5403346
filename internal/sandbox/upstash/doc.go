// Package upstash is a local Upstash for the sandbox: an account with Redis
// databases, their lists of users, and their REST API, which an application
// calls.
//
// # Model
//
// A database has credentials of its own: a token, a read-only token and the
// password of the user default, all replaced at once by a reset. Beside them it
// has users with rules. A user's token is made first (ACL GENTOKEN) and is then
// set as a password; no other password is taken. Rules apply from left to right,
// and add up when a user is set again. Changes hold at once, also for connections
// that are open; deleting a user closes its own.
//
// The REST API of a database is below its name: a command is a path, or an array
// in the body. The Redis protocol is spoken over TLS at an address of each
// database, with a certificate of an authority that is made at the start.
// The account's API is below /v2; it shows credentials unless asked not to.
//
// # What may run twice
//
// Everything but making a token, setting a user that exists, and a reset.
//
// Shapes follow https://github.com/upstash/docs (redis/features/restapi.mdx,
// redis/commands/server, devops/developer-api/openapi.yml). The package imports
// nothing of the product.
package upstash
