// Package helius is a local Helius: the RPC address that takes keys, the
// portal's API that lists and makes them, and the dashboard in which people make
// and delete them. Beside it is a public RPC, which takes anybody.
//
// What it enforces, as documented:
//
//   - A key is a UUID and its own id at the portal, which lists all in clear and
//     takes no name for a new one. It needs the token of a portal session, and the
//     id of the project's owner.
//   - A project's plan may have room for one key only: then a further one is refused.
//   - Several keys are valid together. Nothing but the dashboard deletes one, and
//     an edge may take a deleted one for a moment more.
//   - A key may have access rules: then requests from other sites are refused with
//     the same 401 as an unknown key.
//   - Errors of a node come with 200, in JSON-RPC.
//
// Making the same key twice never happens; a request that made one and was not
// answered has made it all the same.
//
// Sources: those of rekey/providers/helius.
package helius
