package providers

import (
	"context"
	"time"

	"rekey/internal/secret"
)

// Importer takes key material that Rekey makes itself: what a service with
// signing keys has in the place of an [Issuer].
type Importer interface {
	// Make generates a credential and asks nobody. The same label always gets
	// the same id, so that the service is asked for it after a lost answer;
	// the values are others each time.
	Make(label string) (Credential, error)
	// Import hands the values to the environment's service under the id,
	// where nothing uses them yet. It looks for the id first and may be
	// repeated with the same values.
	Import(ctx context.Context, environment string, id ID, v Values) error
}

// Activator says with which of the credentials it trusts a service works.
type Activator interface {
	// Active is the one the environment's service signs with now.
	Active(ctx context.Context, environment string) (ID, error)
	// Activate makes the service sign with this one from now on; the one
	// before stays trusted. It may be repeated with the same id. One that was
	// replaced and not ended can be activated again, which may take the service
	// several changes; a call that ended between them is to be repeated.
	Activate(ctx context.Context, environment string, id ID) error
	// Lingers is for how long, from its replacement on, what the credential
	// signed may still be in use, a margin included. It is asked each time.
	Lingers(ctx context.Context, environment string) (time.Duration, error)
}

// Minter makes, by itself, what an application accepts from who holds the
// values.
type Minter interface {
	// Mint asks nobody; what it makes is valid for a few minutes only.
	Mint(id ID, v Values) (secret.Value, error)
}

// Parent recognises what was made with a credential and dies with it, such as a
// token that it signed. A survey looks for that under other names.
type Parent interface {
	// Begot reports whether the text was made with the values. It asks nobody.
	Begot(v Values, text secret.Value) bool
}

// Clearer knows what has to be settled at a service before a rotation may
// begin there. A survey for a plan asks it; a rotation under way does not,
// because it makes such things itself.
type Clearer interface {
	// Clear asks a person when something is in the way.
	Clear(ctx context.Context) error
}

// Forcer is a [Blocker] whose reasons to wait are those of a quiet day: in an
// emergency people decide in spite of them, because whoever uses the credential
// may be the thief.
type Forcer interface {
	// Harm says, for people, what ending it now takes from whom beside the
	// application that holds it, in whole sentences; "" for nothing. That it
	// cannot be told is said, too.
	Harm(ctx context.Context, id ID) string
	// EndNow is [Ender.End] of a credential that may be in use.
	EndNow(ctx context.Context, id ID) error
}

// Blocker knows what keeps a service from ending a credential.
type Blocker interface {
	// Blocked is a sentence that says what is in the way and what to do about
	// it; "" when nothing is.
	Blocked(ctx context.Context, id ID) (string, error)
}
