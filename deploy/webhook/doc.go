// Package webhook starts deployments by a signed request to an address of the
// configuration, and follows them at a status address.
//
// # The contract with the target
//
//	POST <url>
//	Idempotency-Key: <id>
//	X-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "<t>.<body>")>
//	{"id":"…","environment":"…","reason":"…","secrets":["FAL_KEY"],"requested_by":"…","attempt":1}
//
// Names of secrets, never values. "rebuild":true stands beside them where a value
// is written into what a build makes: the target must then build anew, without a
// cache, and not restart or promote what it has. Any 2xx accepts; the answer may carry
// {"status_url":"…","deployment_url":"…","deployment":"…"}. The same id again
// is answered alike and deploys nothing.
//
//	GET <status url>
//	X-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "<t>.<path>")>
//
//	200 {"status":"queued|running|succeeded|failed|cancelled","detail":"…","deployment":"…"}
//
// The signed path is the URL's, escaped as sent, without the query. A target
// may ignore the signature of a status request.
//
// # Where the status is asked
//
// At the address the target answered with, if it lies at the host of the
// webhook or at one that the configuration names: an answer must not steer us
// elsewhere. Otherwise at the configured address, with {id} for the id. Where
// there is neither, the target is fire and wait: the deployment is followed by
// nobody, [Deployer.Status] says Unknown, and only the application's own word
// can prove it.
//
// # What may run twice
//
// Trigger, because the target keeps the id: after a lost answer the same
// request may be sent again. Status only reads. How long a deployment has been
// unknown to its target and how often it could not be reached is remembered in
// this process alone; another replica starts counting anew, which makes it
// more patient and never less.
package webhook
