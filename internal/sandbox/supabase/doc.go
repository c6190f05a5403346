// Package supabase is a local Supabase for the sandbox: the part of the
// Management API that handles API keys and logs, and the gateways of projects
// with one table behind each.
//
// # Model
//
// An account has access tokens with permissions, and projects. A project has
// secret and publishable keys, each with a name, and the legacy pair anon and
// service_role: two JWTs that one switch turns off and on. A secret key is
// shown in full when it is made and when it is asked for with reveal; the list
// shows its prefix and a hash. It works beside all others until it is deleted,
// and for a while after: the gateways learn of new and deleted keys a little
// later than the Management API does.
//
// A project that was moved to signing keys signs its users' access tokens with
// the one in use and trusts that and those in use before, also while such a one
// is standby again, to be rotated to; a standby key that never signed is trusted
// by nobody. Each change of them is refused for a while after the last
// one, with the moment in words. The legacy secret is not revoked while legacy API
// keys are switched on, and the key in use never is. Before it was moved, a project
// signs with its legacy secret.
//
// A gateway takes secret keys in the header apikey alone, from no browser.
// Every request it serves or refuses is in the edge logs, which answer the
// questions of counting by key and by legacy role, a day at a time.
//
// # What may run twice
//
// Everything but creating a key: each create makes another live key, also with
// a name that is taken. Deleting what is gone answers 404.
//
// Shapes follow the Management API's description in
// https://github.com/supabase/cli,
// https://supabase.com/docs/guides/getting-started/api-keys and
// https://supabase.com/docs/guides/observability/log-field-reference. The
// package imports nothing of the product.
package supabase
