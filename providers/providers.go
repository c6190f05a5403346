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

// Namer gives a credential the id that its service does not give it: a
// fingerprint of the value under the installation's own key. It may be stored
// and shown. Empty for an empty value, and where no key was configured.
type Namer func(v secret.Value) ID

// Credential is what a service issued.
type Credential struct {
	ID     ID
	Values Values    // set by Issue only: no service shows a value twice
	Label  string    // the name given at the service, if it takes one; need not be unique
	Made   time.Time // by the service's clock where it tells, else by ours; zero if unknown
	// Expires is when the service will refuse it by itself; zero if never, or
	// if the service does not tell.
	Expires time.Time
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

// Waits are the different pauses that belong to a service. Zero values mean
// none. All come from configuration with the service's own defaults.
type Waits struct {
	Settle     time.Duration // after issuing: how long the new one may take to answer
	Hold       time.Duration // after the watch, before the old one may be ended
	ProbeFirst time.Duration `json:",omitempty"` // after ending: pause before the first probe
	ProbeEvery time.Duration // after ending: pause between two probes of the old one
	ProbeFor   time.Duration // after ending: how long to probe before giving up; also the time for which a refusal must last
	Grace      time.Duration `json:",omitempty"` // how long the old one lives after its successor was issued
	Margin     time.Duration `json:",omitempty"` // before the end of that time: until then production has to be proved
	ProbeAfter time.Duration `json:",omitempty"` // after the end of that time: pause before the old one is probed
}

// Traits say what a kind is like. They agree with the methods the kind has;
// providertest holds them to it.
type Traits struct {
	Kind      string // stored and hashed: "fal.ai API key"
	Service   string // for people: "fal.ai"
	Shape     Shape
	PublicID  bool   // the id may be shown; without one, people see the last four characters
	UndoOfEnd bool   // has Disabler: ending can be undone
	Guided    bool   `json:",omitempty"` // has Guide: people make its credentials
	EndByHand bool   `json:",omitempty"` // has EndGuide instead of Ender: people end its credentials
	Unnamed   bool   `json:",omitempty"` // has Recaller: the service takes no name for what it makes
	Moves     bool   `json:",omitempty"` // made is one kind, ended another: list and end are about the old ones only
	Account   string `json:",omitempty"` // whose the credential is, as the service tells it; its successor must be the same one's
	FreeProbe bool   // probing costs nothing and may run at every watch tick
	EndIs     string // for people, what ending does: "deleted at once; this cannot be undone"
	Drain     string // for people: what may still hold the old credential, or ""
	// Notice is for people: what they should know of what was found before
	// anything begins, or "".
	Notice string `json:",omitempty"`
	// Remember is for people: what a successor needs that only the console shows
	// of a credential, so that it is noted before that ends first; "" for nothing.
	Remember string `json:",omitempty"`
	// Lingers is for people: what the old credential's holder may do although
	// it was ended, because it lives on for the grace, and what people can do
	// about it; "" where an end is an end.
	Lingers string `json:",omitempty"`
	Waits   Waits
	// Signatures are regular expressions (RE2) that name this credential's
	// failure in an application's log; one hit fails a watch, so they must not
	// match what else goes wrong at the service.
	Signatures []string
}

// Provider finds out what a service offers for the credential in use.
type Provider interface {
	// Survey reads only. current holds the values now in the vault, by
	// environment; they may differ or be equal. It fails, asking a person,
	// when the old credential of any environment cannot be identified with
	// certainty at the service, when the admin credential lacks a right, and
	// when an application runs on the admin credential itself.
	Survey(ctx context.Context, current map[string]Values) (Kind, error)
}

// Kind is a concrete kind of credential, found by a survey.
type Kind interface {
	// Traits of the kind, constant for one survey.
	Traits() Traits
	// Identify returns the public id of the values, without asking the
	// service: the one they carry, or the one that the survey, the list or an
	// inspection found for them. An error when they have not the form of this
	// kind, or are not known for certain.
	Identify(v Values) (ID, error)
}

// Issuer makes new credentials.
type Issuer interface {
	// Issue makes one credential with the label and returns it with the
	// values of all its variables. fault.Lost when the answer did not come or
	// does not hold the values: the credential may exist all the same.
	Issue(ctx context.Context, label string) (Credential, error)
}

// PlacedIssuer makes new credentials at a service where each environment is an
// account of its own, such as a project.
type PlacedIssuer interface {
	// IssueIn is Issue for one environment.
	IssueIn(ctx context.Context, environment, label string) (Credential, error)
}

// Current reads back the credential that a service holds, where issuing
// replaces it and the service shows it again.
type Current interface {
	// Current returns the credential of the environment with the values of all
	// its variables, as the service accepts them now.
	Current(ctx context.Context, environment string) (Credential, error)
}

// Survivor is a Provider that can make a successor for a credential that has
// ended: it takes nothing for it from the old one, or nothing that a [Modelled]
// kind has not told before. Only such a credential may be ended first.
type Survivor interface {
	// Survives reports whether that is so for what a survey found.
	Survives(found Traits) bool
	// Survive returns the kind that a survey found, by its traits. known are the
	// credentials that the environments hold, with their ids; they may be dead.
	// model is what the kind told while the old ones lived; none where it is not
	// [Modelled].
	Survive(ctx context.Context, found Traits, known map[string]Credential, model Model) (Kind, error)
}

// Model is what a successor takes from credentials in use, as JSON in a form of
// the kind's own that says its version. It is stored, so nothing secret is in it.
type Model []byte

// Modelled is a Kind whose successors are made after the credentials in use, and
// can be made without them by what it tells of these.
type Modelled interface {
	// Model asks nobody: it is what the survey read.
	Model() (Model, error)
}

// Continuer is a Provider that can go on in the middle of a rotation, when the
// values in the vault may be dead already.
type Continuer interface {
	// Continue returns the kind that a survey found, by its traits. It needs no
	// value in current to live; they may differ from those of the survey, by
	// the rotation's own writes.
	Continue(ctx context.Context, found Traits, current map[string]Values) (Kind, error)
}

// Urgent is a Kind that is left for another one when it has leaked, because its
// successor would be no safer.
type Urgent interface {
	// Urgent returns the kind by which the application moves away from this one.
	Urgent() Kind
}

// Errand is a credential that a person is asked to make.
type Errand struct {
	Environment string    // that it is for first
	Label       string    // to be given as its name
	Asked       time.Time // when the person was asked
	Seen        time.Time // when the value at hand was first found; zero before
}

// Guidance is what a person needs to make a credential.
type Guidance struct {
	Console string   // the address to open
	Steps   []string // exact clicks in order, one sentence each; the last one copies the value
	// Paste names what the person leaves in the inbox, where that is not a value
	// for every variable: Inspect then gets these, and answers with all.
	Paste []string
}

// Inspection is what became of a value that a person handed over.
type Inspection struct {
	// Credential with its values, fit to be written; set when nothing is
	// wrong.
	Credential Credential
	// Wrong says in one sentence why it is not taken and what to do instead;
	// it never holds the value. The value is inspected again later: what was
	// wrong at the service may have been put right.
	Wrong string
	// Wait says that nothing can be told yet: the service may list late what
	// was made.
	Wait bool
}

// Guide leads a person through making a credential at a service that has no
// other way, and judges what they bring.
type Guide interface {
	// Guide says what to do; it asks nobody.
	Guide(e Errand) (Guidance, error)
	// Inspect holds the values against the errand: form, identity at the
	// service, and that it accepts them. Errors mean that it could not be told.
	Inspect(ctx context.Context, e Errand, v Values) (Inspection, error)
}

// EndGuide leads a person through ending a credential at a service that has no
// other way. It takes the place of [Ender].
type EndGuide interface {
	// GuideEnd says what to do; it asks nobody. The steps name the credential
	// as the console shows it, and never by its value.
	GuideEnd(environment string, id ID) (Guidance, error)
}

// Lister lists what exists at the service.
type Lister interface {
	// List returns every credential the admin credential can see, all pages,
	// without values. An answer that is not whole is an error: absence from a
	// part of the list is no absence.
	List(ctx context.Context) ([]Credential, error)
}

// Recaller finds what was made at a service that takes no name for it, so that
// nothing but a comparison tells what a creation without an answer has left.
type Recaller interface {
	Lister
	// Recall returns, with their values, the environment's credentials that are
	// listed now and are not among the known ones.
	Recall(ctx context.Context, environment string, known []ID) ([]Credential, error)
}

// Tailer says by which characters people tell a credential without a public
// id, where its values do not end as it does: a key in the middle of a URL.
type Tailer interface {
	// Tail asks nobody. It is the last four characters of what is secret, or
	// "" when the values have not the form of the kind.
	Tail(v Values) string
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
	// values have not the form of the kind or when the probe itself could not
	// be judged (its control failed); refusals and outages are Findings. It
	// says Refused only for the service's own answer, not some gateway's.
	Probe(ctx context.Context, v Values) (Finding, error)
}

// Ender ends a credential for good.
type Ender interface {
	// End ends exactly the given id and refuses an empty one. Ending what is
	// gone already is not an error; that it succeeded proves nothing, see
	// Prober and Lister.
	End(ctx context.Context, id ID) error
}

// Disabler can switch a credential off and on again.
type Disabler interface {
	// Disable makes the service refuse the credential, which stays listed.
	Disable(ctx context.Context, id ID) error
	// Enable undoes Disable.
	Enable(ctx context.Context, id ID) error
}

// Disguiser knows in what other texts a credential may stand, such as a header
// made of its parts. A survey looks for them under other names, as it looks for
// the values themselves.
type Disguiser interface {
	// Disguises asks nobody; nil when the values have not the form of the kind.
	Disguises(v Values) []secret.Value
}

// Usage tells when a credential was used.
type Usage interface {
	// LastUsed returns the time of the last known request by the credential
	// since the given time; zero if there was none.
	LastUsed(ctx context.Context, id ID, since time.Time) (time.Time, error)
}
