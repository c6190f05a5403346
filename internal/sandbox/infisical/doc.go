// Package infisical is a local Infisical for the sandbox: the part of the REST
// API that a machine identity needs to read and write secrets, with the
// server's own rules and surprises.
//
// # Model
//
// A project has environments, an environment has folders (paths), a folder has
// entries, an entry has versions. Versions are counted from 1 without gaps and
// every edit adds one: a new value, the same value again, a change of metadata
// alone. Deleting an entry and making it again gives a new id and version 1.
// Metadata and comment belong to the entry, values to the versions.
//
// Machine identities log in with universal auth and hold rights per project,
// environment and path. Three wrong secrets lock an identity for a while, for
// the right secret too.
//
// # Surprises kept on purpose
//
//   - A write held by a change policy answers 200 with an approval and writes
//     nothing ([Server.HoldWrites]).
//   - An update answers with what was sent, not with what is stored.
//   - A redacted version reads as 200 with an empty value.
//   - An expired token is 403 TokenError, a revoked one 401.
//   - v3 and v4 routes differ in the defaults for references and imports.
//   - The status route says "Ok" whatever happens.
//
// # What may run twice
//
// Reads, and logins with the right secret. Every write adds a version, so a
// repeated write is seen. There is no optimistic locking: the last writer wins.
//
// The shapes follow the published API (https://infisical.com/docs/api-reference/overview/introduction)
// and the server's public source (https://github.com/Infisical/infisical); the
// package imports nothing of the product.
package infisical
