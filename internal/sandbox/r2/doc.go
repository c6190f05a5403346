// Package r2 is a local Cloudflare for the sandbox, as far as R2 needs it: the
// account's API tokens, its buckets, and the endpoint at which applications
// keep objects.
//
// # Model
//
// Who holds a token has an access key: its id is the token's id, its secret the
// SHA-256 of the token's value in hex. A token may do what its policies say,
// which name permission groups and resources. A resource that names nothing is
// taken without a word and grants nothing. A change of a token replaces all of
// it; deleting is for good; rolling keeps the id and kills the old value at
// once. Tokens that belong to a person are accepted by the endpoint and are
// none of the account's list.
//
// What the endpoint knows of a token comes late, by [Options.Spread]: a new one
// is refused at first, one switched off or deleted is accepted for a while.
// Requests there are signed (Signature Version 4), and refused in XML:
// Unauthorized for a key that is unknown, off or over, SignatureDoesNotMatch for
// a wrong secret, AccessDenied for a bucket or an act that is not granted.
//
// # What may run twice
//
// Everything but creating and rolling. A name need not be unique.
//
// Shapes follow https://github.com/cloudflare/api-schemas and
// https://developers.cloudflare.com/r2/api/error-codes. The package imports
// nothing of the product; it signs and checks with code of its own.
package r2
