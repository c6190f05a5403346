// Package app is the sandbox's sample application: a small service of pictures and texts that
// uses the secrets being rotated, under steady traffic, so that "zero downtime"
// is a number.
//
// # Model
//
// An [App] is one environment: a few instances behind a balancer. An instance
// has its secrets from the moment it starts to the moment it ends; nothing
// reaches a running instance. A deployment starts new instances with new values
// one by one, the last of them slowly. An instance is taken out only after its
// replacement is ready, takes no new request from then on, and ends when its
// last request is done. So as long as every value in use works, no request
// fails; when one fails, somebody ended a credential too early.
//
//	traffic ─► balancer ─► instance (old values) ─► model services
//	                   └─► instance (new values) ─┘
//	webhook ─► Target: reads the vault as itself, builds, rolls
//
// A page has parts, one for each secret; parts.go lists them. A part that fails
// is named in the answer, so that visitors count failures by secret, and the
// page fails with it unless it can be spared.
//
// What a build writes into scripts is a value of the build: a deployment that is
// not asked to build starts the last one again, with new values for everything
// else. Scripts of old builds stay, and [Tabs] that loaded them go on with them.
//
// A [Target] is the platform that deploys: a signed webhook and a status
// address. It fetches the values from the vault itself; nobody sends it any.
//
// # What may run twice
//
// A trigger with an Idempotency-Key that is known answers as the first one did
// and starts nothing. Status and attestation only read.
//
// The package imports nothing of the product: signatures and proofs are written
// here a second time, on purpose.
package app
