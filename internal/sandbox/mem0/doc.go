// Package mem0 is a local Mem0 for the sandbox: its platform with the dashboard
// in which people make keys, and a server such as anybody can run.
//
// # Model
//
// Both are a [Server], which hands out keys under different marks and answers
// different words. A key of the platform is bound to one project; asked whose
// it is, the platform names organisation and project. No API makes, lists or
// deletes such a key: people do ([Server.Create], [Server.End]), and its value
// is shown then and never again. A deleted one may be accepted for a moment
// more. Each project has memories of its own, so a key of the wrong project
// works and finds nothing.
//
// A server of one's own has users who sign in with e-mail address and password
// for half an hour. They make, list and revoke their own keys, of which the
// list shows the first twelve characters. A revoked key is refused at once and
// not listed. With authentication switched off every key is accepted.
//
// # What may run twice
//
// Everything over the API but creating, which makes another live key each time.
//
// Shapes follow https://github.com/mem0ai/mem0 (docs/openapi.json, server). The
// package imports nothing of the product.
package mem0
