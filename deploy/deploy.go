// Package deploy is the contract for "environment E now serves value V": the
// vault that holds values, deployers that bring them to the application, and
// checks that tell how the application is doing.
//
// # What may run twice
//
// Reads, Readings, Status, Attest and Measure may run any number of times. Write is
// never repeated blindly: whoever has lost its answer (fault.Lost) reads back
// first. Trigger carries an id that the target treats as an idempotency key.
//
// A deployer never receives a value: carrying values is the vault's work.
//
// What a target, a program or a log says in its own words may hold a value. It
// is handed on as a [secret.Quote] and never put into a string: only the engine
// knows which values to look for in it.
//
// Every error is a rekey/internal/fault.Error. A quote in its chain of causes
// is what the other side said.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey/internal/secret"
)

// Entry is one variable as the vault holds it.
type Entry struct {
	ID       string // the vault's own id; changes when deleted and made again
	Name     string
	Version  int
	Value    secret.Value
	Metadata map[string]string // shown by the vault on current reads only
	Made     time.Time         // of this version when read by number, else of the entry
}

// Note is what a write records beside the value, in the same act. Metadata is
// readable by whoever may read the entry: never a value.
type Note map[string]string

// Assignment is one value to be written.
type Assignment struct {
	Name  string
	Value secret.Value
	From  int    // the version it replaces; another one there means somebody wrote in between
	ID    string // the entry id it replaces
	Note  Note   // merged with what is there
	// Public says that the value is a credential's public id, as one half of a
	// pair is: the note may hold it.
	Public bool
}

// Vault is one environment's place in the vault, or several environments' of
// one project; environment names are the configuration's.
type Vault interface {
	// Read returns the current entries for the names, straight from the
	// vault. It asks a person about what must not be written: a reference,
	// an import, a value managed by another rotator, a hidden value, a
	// secret sync on the path.
	Read(ctx context.Context, environment string, names []string) (map[string]Entry, error)
	// ReadVersion returns an older version by number. An empty value (a
	// redacted version) is fault.NotFound.
	ReadVersion(ctx context.Context, environment, name string, version int) (Entry, error)
	// Write replaces existing values, all in one request where there are
	// several, and reads them back. It succeeds only when every entry shows
	// the new value at version From+1. fault.HeldForApproval,
	// fault.ChangedByOther, fault.NotWritten, fault.Lost. After any error but
	// [Unwritten] the values may be there, or come later.
	Write(ctx context.Context, environment string, a []Assignment) (map[string]Entry, error)
}

// errUnwritten is in the chain of an error after which nothing was written.
var errUnwritten = errors.New("nothing was written")

// Unwritten marks an error of [Vault.Write]: the vault has none of the values
// and keeps none for later, because the request was never sent, or was refused
// by the vault itself. What was only not seen in a read-back is not unwritten.
func Unwritten(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w (%w)", err, errUnwritten)
}

// IsUnwritten reports an error of [Vault.Write] that [Unwritten] marks.
func IsUnwritten(err error) bool { return errors.Is(err, errUnwritten) }

// Names lists what is in an environment, for finding aliases.
type Names interface {
	// All returns every entry on the environment's path with its value.
	All(ctx context.Context, environment string) ([]Entry, error)
}

// Inbox is where a person leaves a value for Rekey: a place beside each
// environment's own from which nothing else reads. Collecting and discarding
// may be repeated.
type Inbox interface {
	// Secluded asks a person when an import, a sync or another reader that
	// the vault knows of touches the inbox, or when Rekey may not read it.
	Secluded(ctx context.Context, environment string) error
	// Collect returns what lies there under the name; fault.NotFound when
	// nothing does.
	Collect(ctx context.Context, environment, name string) (Entry, error)
	// Discard removes exactly this entry at this version and makes sure that
	// it is gone. One that is gone already is no error; another one in its
	// place is fault.ChangedByOther and stays.
	Discard(ctx context.Context, environment string, e Entry) error
}

// Request asks for a deployment.
type Request struct {
	ID          string // idempotency key: the same id never deploys twice
	Environment string
	Reason      string
	Secrets     []string // names only
	Rebuild     bool     // a value is written into what a build makes: a restart, or a build that exists already, ships the old one
	RequestedBy string
	Attempt     int
}

// Handle finds a deployment again after a restart. It is stored.
type Handle struct {
	ID         string `json:"id"`
	StatusURL  string `json:"status_url,omitempty"` // where to ask; empty where a deployment cannot be followed at all
	Deployment string `json:"deployment,omitempty"` // the platform's own id, for scoping logs
	URL        string `json:"url,omitempty"`        // for people
}

// Phase is how far a deployment has come.
type Phase string

// The phases. Names are stored.
const (
	Queued    Phase = "queued"
	Running   Phase = "running"
	Live      Phase = "live" // traffic reaches the new build; built is not live
	Failed    Phase = "failed"
	Cancelled Phase = "cancelled"
	Unknown   Phase = "unknown"
)

// Status is a deployment's state at one moment.
type Status struct {
	Phase      Phase
	Deployment string // as in Handle, when known by now
	Detail     string // for people, in the adapter's words
	Said       secret.Quote
}

// Deployer starts and follows deployments of one environment.
type Deployer interface {
	// Trigger starts a deployment, or returns the one already started with
	// this id. fault.Lost when the answer did not come.
	Trigger(ctx context.Context, r Request) (Handle, error)
	// Status asks once.
	Status(ctx context.Context, h Handle) (Status, error)
}

// The ways in which a running application shows which value it uses. Names are
// stored.
const (
	ByWord   = "attest" // it says so, with a keyed proof
	ByBundle = "bundle" // the scripts of its pages hold it
)

// Testimony is what a running application said about a value.
type Testimony struct {
	Kind       string // the way; empty is ByWord
	Deployment string
	Instances  []string // that were heard
	New        int      // answers in agreement with the new value
	Old        int      // answers that still hold the old value
	Other      int      // answers that hold neither
	Agreed     bool     // enough instances, or answers in a row, hold the new value
}

// Attester asks a running application which value it uses. It is a keyed
// proof: neither question nor answer tells the value.
type Attester interface {
	// Attest asks until enough agree or its bounds are reached. An
	// application that cannot be asked is an error.
	Attest(ctx context.Context, name string, fresh, stale secret.Value) (Testimony, error)
}

// Outcome is one measurement.
type Outcome string

// The outcomes. Names are stored.
const (
	OK     Outcome = "ok"
	Bad    Outcome = "bad"
	NoData Outcome = "no_data" // the source answered, there was nothing to judge
	Error  Outcome = "error"   // the source could not be asked, or answered partially
)

// Window is what a measurement is about.
type Window struct {
	From, To   time.Time // half open: [From, To)
	Deployment string    // scope; matches ^[A-Za-z0-9._-]{1,64}$
	// Beside are further deployments whose lines belong to the window: those
	// that ran on the same credential while instances were replaced. A check
	// that is scoped counts all of them together, others ignore them.
	Beside []string
	// Signatures are the kind's patterns (RE2) of this credential failing;
	// a check over logs counts them, others ignore them.
	Signatures []string
}

// Measurement is the result of one check over one window.
type Measurement struct {
	Outcome  Outcome
	Value    float64      // what was measured, in the check's unit
	Requests float64      // positive signal: how much traffic was seen; -1 when the check does not count it
	Hard     bool         // a hard signature was hit: this credential is failing
	Detail   string       // for people, in the check's words
	Said     secret.Quote // sample lines, as the source has them
	// Latency is how long the application took to answer us, for people; zero
	// for a check that does not see it.
	Latency time.Duration
}

// Check measures one thing about an application. Outages of the source are
// Outcomes, not Go errors: a check that cannot measure must say so and must
// never look like health.
type Check interface {
	Measure(ctx context.Context, w Window) Measurement
}

// Admission is what became of who showed a token to an application.
type Admission string

// What a gate can tell.
const (
	Admitted   Admission = "let in"
	TurnedAway Admission = "turned away" // 401 or 403 from the application
	NotTold    Admission = "not told"    // it could not be asked, or its answer says nothing about the token
)

// Entrance is the answer of a [Gate].
type Entrance struct {
	Admission Admission
	Detail    string // for people: "401", "timed out"
}

// Gate is a door of a running application that opens to who bears a valid
// token. An outage is NotTold, not a Go error.
type Gate interface {
	// Admit shows the token once. It changes nothing at the application.
	Admit(ctx context.Context, token secret.Value) Entrance
}
