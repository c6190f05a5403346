// Package providers is the contract for services that issue credentials.
//
// # The model
//
// A [Provider] looks first: Survey reads, without writing, what the service
// really offers for the credential that is in use, and returns a [Kind]: a
// value of the concrete type found. What can be done is what that type has
// methods for: [Issuer], [Lister], [Prober], [Ender], [Disabler], [Usage].
// A service with a one-key plan returns another type than the same service
// with overlap, so an impossible act does not compile into a plan.
//
// # What may run twice
//
// Survey, List, Probe and LastUsed only read. Issue makes a new live
// credential each time and must never be repeated blindly: after a lost
// answer ([rekey/internal/fault.Lost]) the caller lists by label first. End and
// Disable take an explicit id and may be repeated with the same id.
//
// # Errors
//
// Every error of an adapter is a [rekey/internal/fault.Error]; a response body
// is never quoted. A value that the service showed once lives in memory only.
package providers

import (
	"context"
	"time"

	"rekey/internal/secret"
)

// ID is the public identity of a credential at its service. It is shown to
// people and stored.
type ID string

// Values are the values of one credential by variable name, such as
// {"FAL_KEY": …}. A pair has two entries.
type Values map[string]secret.Value

// Credential is what a service issued.
type Credential struct {
	ID     ID
	Values Values // set by Issue only: no service shows a value twice
	Label  string // the name given at the service, if it takes one
	Made   time.Time
}

// Shape is how a service lets a credential be replaced.
type Shape string

// The shapes. Names are stored.
const (
	Overlap     Shape = "overlap"      // old and new are valid together until the old is ended
	Grace       Shape = "grace"        // issuing starts a clock; the old dies by itself
	Cutover     Shape = "cutover"      // issuing kills the old at once
	DeployFirst Shape = "deploy-first" // the application must accept the new before it is activated
)

// Waits are the three different pauses that belong to a service. Zero values
// mean none. All come from configuration with the service's own defaults.
type Waits struct {
	Settle     time.Duration // after issuing, until the new one must answer
	Hold       time.Duration // after the watch, before the old one may be ended
	ProbeEvery time.Duration // after ending: pause between two probes of the old one
	ProbeFor   time.Duration // after ending: how long to probe before giving up; also the time for which a refusal must last
}

// Traits say what a kind is like. They agree with the methods the kind has;
// providertest holds them to it.
type Traits struct {
	Kind      string // stored and hashed: "fal.ai API key"
	Service   string // for people: "fal.ai"
	Shape     Shape
	PublicID  bool   // the id may be shown; without one, people see the last four characters
	UndoOfEnd bool   // has Disabler: ending can be undone
	FreeProbe bool   // probing costs nothing and may run at every watch tick
	EndIs     string // for people, what ending does: "deleted at once; this cannot be undone"
	Drain     string // for people: what may still hold the old credential, or ""
	Waits     Waits
	// Signatures are regular expressions (RE2) that name this credential's
	// failure in an application's log; one hit fails a watch.
	Signatures []string
}

// Provider finds out what a service offers for the credential in use.
type Provider interface {
	// Survey reads only. current holds the values now in the vault, by
	// environment; they may differ or be equal. It fails, asking a person,
	// when the old credential cannot be identified with certainty at the
	// service, or when the admin credential lacks a right.
	Survey(ctx context.Context, current map[string]Values) (Kind, error)
}

// Kind is a concrete kind of credential, found by a survey.
type Kind interface {
	// Traits of the kind, constant for one survey.
	Traits() Traits
	// Identify returns the public id that the values carry, without asking
	// the service; an error when they have not the form of this kind.
	Identify(v Values) (ID, error)
}

// Issuer makes new credentials.
type Issuer interface {
	// Issue makes one credential with the label and returns it with its
	// values. fault.Lost when the answer did not come.
	Issue(ctx context.Context, label string) (Credential, error)
}

// Lister lists what exists at the service.
type Lister interface {
	// List returns every credential the admin credential can see, all pages,
	// without values. An answer that is not whole is an error.
	List(ctx context.Context) ([]Credential, error)
}

// Liveness is the answer to a probe.
type Liveness string

// What a probe can tell. Names are stored.
const (
	Alive   Liveness = "alive"   // the service accepted it
	Refused Liveness = "refused" // 401 or 403 from the service, clearly about the credential
	Unclear Liveness = "unclear" // 429, 5xx, unreachable, anything else
)

// Finding is one probe's answer.
type Finding struct {
	Liveness Liveness
	Answer   string // for people and certificates: "401", "200", "timeout"
}

// Prober asks the service whether it accepts a credential.
type Prober interface {
	// Probe needs no admin credential. It returns an error only when the
	// probe itself could not be judged (its control failed); refusals and
	// outages are Findings.
	Probe(ctx context.Context, v Values) (Finding, error)
}

// Ender ends a credential for good.
type Ender interface {
	// End ends exactly the given id. Ending what is gone already is not an
	// error; that it succeeded proves nothing, see Prober and Lister.
	End(ctx context.Context, id ID) error
}

// Disabler can switch a credential off and on again.
type Disabler interface {
	Disable(ctx context.Context, id ID) error
	Enable(ctx context.Context, id ID) error
}

// Usage tells when a credential was used.
type Usage interface {
	// LastUsed returns the time of the last known request by the credential
	// since the given time; zero if there was none.
	LastUsed(ctx context.Context, id ID, since time.Time) (time.Time, error)
}
