// Package langfuse is a local Langfuse for the sandbox: one organisation with
// projects, their API keys, the dashboard in which people make and delete keys,
// and the ingestion of traces that an application calls.
//
// # Model
//
// A key is a pair of one project and has a note that need not be unique. Pairs
// overlap freely. The organisation's own pair lists projects and manages keys,
// if the plan includes that: otherwise every such call is 403. On a project's
// endpoint the organisation's pair is 403, and the other way round. A request
// is resolved by the secret alone: the public key beside it is not looked at.
//
// Look-ups are remembered for a while, found or not, and each further look-up
// renews that. A deletion forgets the look-up first and removes the row after,
// so that a request in between puts the dead pair back: it is then accepted
// until it has been left alone for as long as look-ups are remembered.
//
// Creating answers 201. There is no disabling and no looking up one key.
// Ingestion answers 207, and an event's own fault is inside.
//
// # What may run twice
//
// Everything but creating a key: each create makes another live pair.
//
// Shapes follow https://github.com/langfuse/langfuse (version 4.16.0),
// web/public/generated/api/openapi.yml and the handlers beside it. The package
// imports nothing of the product.
package langfuse
