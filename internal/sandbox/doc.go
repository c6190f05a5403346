// Package sandbox is the world outside Rekey, on loopback: a workspace, a
// vault, the services that issue credentials, a database, and an application
// under traffic that uses them.
//
// # Model
//
// [Start] opens every server on a port of its own and seeds one installation:
// an application with a staging and a production environment, a vault project
// with both, a shared FAL_KEY and an ANTHROPIC_API_KEY for each that are due (and, where it is played, a pair of R2 for each), people in a workspace. The bot is
// another process that knows the world only by addresses and tokens
// ([World.Endpoints], [World.Credentials]) and speaks to it over HTTP, WebSocket
// and the Redis protocol. So kills, restarts and searches of its output are
// real.
//
//	         ┌── Slack ◄── people
//	bot ─────┼── Infisical ◄── deploy platform ──► application ◄── visitors
//	(child)  ├── fal.ai, Anthropic ◄────────────────────┘ │
//	         ├── Loki ◄──────────────────────────────── logs
//	         └── Redis
//
// The package and everything below it import nothing of the product: the wire
// formats are written a second time, so that the world does not flatter the
// product. Subpackages are one service each; faults are injected into them by
// name ([World.Faults]).
//
// # Writes and what may run twice
//
// Every write the bot makes outside is told to [World.OnWrite], after its effect
// and before its answer: the moment at which a process that dies has done
// something and does not know it. Reads may be repeated at will. What a repeated
// write does is the business of each service, as in life.
//
// # Evidence
//
// [World.Report] counts what the visitors saw, [World.Leaks] searches Redis, every
// request that has no business to carry a secret, and whatever output it is
// given, for every secret value the world ever issued ([World.Issued]).
package sandbox
