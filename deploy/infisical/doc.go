// Package infisical keeps values in Infisical: it is the [deploy.Vault] of the
// environments of one project.
//
// # Two ways to one server
//
// The vendor's SDK (github.com/infisical/go-sdk) logs in and reads back what
// was written. Everything else goes through a small client for the v4 routes,
// because the SDK drops what decides here: that a value is hidden, rotated or
// imported, that a write is held for approval, when a version was made. What
// was written by one way is thus read back by the other.
//
// The SDK's client takes no context and no HTTP client, has no time limit, reads
// answers of any length, follows redirects and repeats requests by itself. The
// functions underneath it take the HTTP client as an argument, so those are
// called, each time with a client of its own: its transport ends the call with
// the caller's context, after the time limit, or where an answer is longer than
// any Infisical gives. Nothing is left behind that nobody waits for.
//
// # Sessions
//
// A session is an access token that nobody changes any more. Every login makes
// a new one and puts it in the place of the old, so calls need no lock while
// they run and a swallowed call cannot hold a login up. At most one login is under way, all callers wait for the same one.
//
// A refused login is never repeated: three of them lock the identity out
// (https://infisical.com/docs/documentation/platform/identities/universal-auth).
// Every later call fails at once with the same fault until the client id or
// secret read from their source is another one, or the process is started
// again. A login without an answer may be tried again after a pause, since it
// may have been counted.
//
// An expired token is 403 with the word TokenError. A read that meets it logs
// in once and is made once more; a write that meets it is not made again, but
// decided by reading back.
//
// # What may run twice
//
// Read, ReadVersion and All, always. Write is one PATCH and never repeated
// here. It counts as done only when a fresh read shows the new value, by the
// same entry id, at the version after the one it replaces. The server has no
// expected version and the last writer wins, so the version before and after
// is how somebody else's write is noticed.
//
//	answer of the PATCH          what the read-back shows   outcome
//	200 with the secret          new value at From+1        done
//	200 with approval            (not asked)                held_for_approval
//	HTML, 200 without a secret   the old value              not_written, lost: it may still come
//	HTML, 200 without a secret   new value at From+1        done
//	500, cut off, timed out      the old value              lost: it may still come
//	500, cut off, timed out      new value at From+1        done
//	403 TokenError               the old value              not_written, again, unwritten
//	400, 401, 403, 404, 422, 429 (not asked)                as classified, unwritten
//	any                          another version            changed_by_other
//	context ended                (cannot be asked)          lost
//
// # The inbox
//
// People leave a value for Rekey in a folder that nothing else reads
// ([Vault.Secluded] asks before anybody is told to). It is deleted by name
// after it was read: a DELETE has no expected version either, so entry id and
// version are compared immediately before, and a fresh read decides what its
// answer meant.
//
// # The audit log
//
// Who read a value is asked twice, by the value's name and for readings of its
// whole folder, which name no value and are the likelier theft. Without a licence
// the route answers 200 with nothing: an answer is believed only as far as Rekey's
// own readings are in it, known by the identity in its token.
//
// # What is never written
//
// Empty, short, masked-looking values, values with a reference (`${`), values
// that the server would trim into something else; names of which the vault
// holds a reference, an import, another rotator's value or a hidden one; and
// anything on a path from which a secret sync carries values away, because a
// deployment that starts before the sync has ended is built with the old value.
//
// Infisical answers an update with what was sent, not with what is stored, and
// a redacted version with an empty value and no mark. Neither is believed.
package infisical
