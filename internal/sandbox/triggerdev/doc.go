// Package triggerdev is a local Trigger.dev for the sandbox: projects with
// environments, their keys, the dashboard in which people make and revoke keys,
// and the tasks that an application starts.
//
// # Model
//
// Each environment has one root key, which begins with tr_<env>_ and is stored in
// clear: a personal access token reads it back and regenerates it. The old one
// then lives for as long as the grace says, and nothing ends it sooner; each
// regeneration leaves one more. It replaces the environment's public key, too.
// Additional keys, tr_<env>_sk_…, are made and revoked in the dashboard alone: no
// route makes, lists or ends them. One is shown once, may be allowed to start
// tasks only, and is refused as soon as it is revoked.
//
// A key asks for its own environment and no other: 400 elsewhere, 401 when it
// is not known. The first version of whoami tells the present root key to
// whoever holds one, an old one in its grace included.
//
// # What may run twice
//
// Everything but regenerating: each makes another root key.
//
// Shapes follow https://github.com/triggerdotdev/trigger.dev (commit b082e443),
// apps/webapp/app/routes and docs/v3-openapi.yaml. The package imports nothing
// of the product.
package triggerdev
