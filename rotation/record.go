package rotation

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation/audit"
	"rekey/rotation/watch"
)

// State is where a rotation stands. Names are stored.
type State string

// The states. Only the last two are final.
const (
	Running   State = "running" // Rekey acts, or waits for a time it knows
	Asking    State = "waiting for approval"
	Stuck     State = "stopped"            // needs a person: retry or cancel
	Pending   State = "revocation pending" // both credentials live, the old one waits to be ended
	Succeeded State = "done"
	Abandoned State = "cancelled" // closed before anything was changed
)

// Final reports whether nothing more will happen.
func (s State) Final() bool { return s == Succeeded || s == Abandoned }

// Person is a member of the workspace.
type Person struct {
	ID   string `json:"id"` // "T0123/U0456": workspace and user
	Name string `json:"name,omitempty"`
	// Key names the public key with which they showed who they are, where they
	// did so: no two people act with one key.
	Key string `json:"key,omitempty"`
}

// same reports whether two may be one human: who holds a key acts as anybody
// whose key it is.
func (p Person) same(other Person) bool {
	return p.ID == other.ID || p.Key != "" && p.Key == other.Key
}

// Held is what one variable of one environment held at one moment.
type Held struct {
	EntryID     string             `json:"entry"`
	Version     int                `json:"version"`
	Fingerprint secret.Fingerprint `json:"fingerprint"`
}

// Place is one environment as this rotation found and left it. Where one
// credential serves both environments, both places name the same one.
type Place struct {
	Old       Known                         `json:"old"`
	New       Known                         `json:"new,omitzero"`
	Before    map[string]Held               `json:"before"`              // by variable
	After     map[string]Held               `json:"after,omitempty"`     // set once written
	Pasted    map[string]secret.Fingerprint `json:"pasted,omitempty"`    // what a person left, by name, that the new one was taken from
	HeldSince time.Time                     `json:"held_since,omitzero"` // the vault keeps our write until a person merges it
	Restored  map[string]Held               `json:"restored,omitempty"`  // set once a rollback wrote the old one again
	Again     map[string]Held               `json:"again,omitempty"`     // versions of the new one, where an emergency overtook a rollback
	Paired    map[string]Held               `json:"paired,omitempty"`    // what After was before the value before was written over, while an approval still rests on it
	Left      Known                         `json:"left,omitzero"`       // a successor that was made, and left for another one because its holder may be known
	Between   map[string]Held               `json:"between,omitempty"`   // versions of that, where the vault had it
	Activated time.Time                     `json:"activated,omitzero"`  // from then on, at the latest, the service signs with the new one
	// Reactivated: from then on, at the latest, it signs with the old one again.
	Reactivated time.Time `json:"reactivated,omitzero"`
}

// Known is a credential as the record may name it.
type Known struct {
	ID          providers.ID       `json:"id"`
	Last4       string             `json:"last4,omitempty"` // only where the service has no public id
	Fingerprint secret.Fingerprint `json:"fingerprint"`     // of all its values together
	Label       string             `json:"label,omitempty"`
	Made        time.Time          `json:"made,omitzero"`
	Expires     time.Time          `json:"expires,omitzero"` // when the service ends it by itself
}

// Shown is how people see the credential.
func (k Known) Shown() string {
	switch {
	case k.Last4 != "":
		return "…" + k.Last4
	case k.ID != "":
		return string(k.ID)
	default:
		return "none"
	}
}

// Brief is Shown for running text: long ids are told apart by their start, or
// by their end where they begin with a word. Where a name stands in a place, the
// place is shown whole: names may be the same in two of them.
func (k Known) Brief() string {
	const telling = 8
	if place, own, apart := strings.Cut(string(k.ID), "/"); apart && k.Last4 == "" && own != "" {
		return place + "/" + Known{ID: providers.ID(own)}.Brief()
	}
	if k.Last4 != "" || len(k.ID) <= telling+4 {
		return k.Shown()
	}
	if kind, own, ok := strings.Cut(string(k.ID), "_"); ok && len(own) > telling {
		return kind + "_…" + own[len(own)-telling:] // what comes first is the same for all
	}
	return string(k.ID[:telling]) + "…"
}

// Deployment is one environment's deployment by this rotation.
type Deployment struct {
	Request   string        `json:"request"` // idempotency key
	Triggered time.Time     `json:"triggered"`
	Handle    deploy.Handle `json:"handle"`
	Phase     deploy.Phase  `json:"phase"`
	Live      time.Time     `json:"live,omitzero"`
	Name      string        `json:"name,omitempty"` // the platform's own id, for scoping logs
}

// Certificate is a life certificate: the running application of one
// environment uses the new credential.
type Certificate struct {
	Kind        string             `json:"kind"` // "attest", "bundle" or "overridden"
	At          time.Time          `json:"at"`
	Deployment  string             `json:"deployment"`
	Instances   int                `json:"instances"`
	Answers     int                `json:"answers"`
	Affected    string             `json:"affected"`          // what the secret's own check said
	Refused     bool               `json:"refused,omitempty"` // the service refuses what is in use, so that its own check was not asked
	Fingerprint secret.Fingerprint `json:"fingerprint"`
}

// Ending is the end of one old credential, up to its death certificate: when,
// how often and with which answer it was refused.
type Ending struct {
	ID       providers.ID `json:"id"`
	Sent     time.Time    `json:"sent"`                // when the end was asked of the service
	Tries    int          `json:"tries,omitempty"`     // how often it was asked
	Disabled bool         `json:"disabled,omitempty"`  // it can still be undone
	Refused  time.Time    `json:"refused,omitzero"`    // first refusal of the unbroken run
	Last     time.Time    `json:"last,omitzero"`       // last refusal
	Answer   string       `json:"answer,omitempty"`    // "401"
	Probes   int          `json:"probes,omitempty"`    // refusals in the run
	Unlisted bool         `json:"unlisted,omitempty"`  // the service's list no longer has it
	ListOnly bool         `json:"list_only,omitempty"` // the old value could not be read for a probe
	Dead     time.Time    `json:"dead,omitzero"`       // when all of it was certain
	Returned int          `json:"returned,omitempty"`  // how often it was accepted again after that
	Shut     time.Time    `json:"shut,omitzero"`       // when the application was proved to accept nothing more that it signed
	From     time.Time    `json:"from,omitzero"`       // where it lives on for a while: since when at the latest
}

// Vigil is the stored progress of one watch.
type Vigil struct {
	Number  int             `json:"number,omitempty"` // among the rotation's watches, from 1; 0 in records of older versions
	Start   time.Time       `json:"start"`
	Closing time.Time       `json:"closing,omitzero"` // when the last look was first tried
	Scope   string          `json:"scope"`            // the newest deployment that it is about
	Heard   []Heard         `json:"heard,omitempty"`  // every one, in the order in which they were noticed
	Rules   watch.Params    `json:"rules,omitzero"`   // by which it began, and ends
	Series  []watch.Series  `json:"series"`
	Verdict watch.Verdict   `json:"verdict,omitempty"`
	Finding []watch.Finding `json:"findings,omitempty"`
}

// Card is a request for approval. Only the highest number counts.
type Card struct {
	Number   int       `json:"number"`
	Evidence string    `json:"evidence"` // hash of what it says
	Asked    time.Time `json:"asked"`
	Expires  time.Time `json:"expires,omitzero"`
	State    CardState `json:"state"`
	Approved []Vote    `json:"approved,omitempty"`
	Denied   *Vote     `json:"denied,omitempty"`
	// OldRefused is the service's answer where it refused an old credential
	// already when people were asked: somebody ended it by other means.
	OldRefused string `json:"old_refused,omitempty"`
	// Outage is what going on will cost, where people approve before anything
	// is issued.
	Outage string `json:"outage,omitempty"`
	// Harm is what the end takes from others than the application that holds the
	// old one, where that is a reason to wait on a quiet day.
	Harm string `json:"harm,omitempty"`
	// About is what it asks: "" for the end of the old one, or its replacement.
	About string `json:"about,omitempty"`
	// Together says that people are asked about it on a card of the batch.
	Together bool `json:"together,omitempty"`
	// Told and Reminders: when people were last reminded of an emergency's
	// request, and how often.
	Told      time.Time `json:"told,omitzero"`
	Reminders int       `json:"reminders,omitempty"`
}

// CardState is what became of a card. Names are stored.
type CardState string

// The states of a card.
const (
	CardOpen     CardState = "open"
	CardApproved CardState = "approved"
	CardDenied   CardState = "denied"
	CardExpired  CardState = "expired"
	CardVoid     CardState = "void"
)

// Vote is one counted decision.
type Vote struct {
	Person Person    `json:"person"`
	Path   string    `json:"path"`             // "emoji", "button", "command line"
	Reason string    `json:"reason,omitempty"` // of a veto, where one was given
	Answer string    `json:"answer,omitempty"` // which yes it was, where there are several
	At     time.Time `json:"at"`               // when Rekey saw it
}

// Errand is a credential that a person was asked to make, and how far that
// has come.
type Errand struct {
	Environment string    `json:"env"`
	Label       string    `json:"label"`          // to be given as its name
	Asked       time.Time `json:"asked"`          // first; what was made since then may be it
	Again       time.Time `json:"again,omitzero"` // when somebody had the waiting begin anew
	Told        time.Time `json:"told"`           // when people last heard of it; zero until they are asked again
	// Names are what people paste, where that is not every variable.
	Names []string `json:"names,omitempty"`
	// The value at hand in the inbox, by the vault's id and version.
	Entry   string `json:"entry,omitempty"`
	Version int    `json:"version,omitempty"`
	// Beside are the other values at hand, in the order of their names.
	Beside []Left    `json:"beside,omitempty"`
	Seen   time.Time `json:"seen,omitzero"`
	Judged time.Time `json:"judged,omitzero"`
	Wrong  string    `json:"wrong,omitempty"` // why it was not taken, as people were told
}

// Left is a value that somebody left in the inbox, by the vault's id and
// version.
type Left struct {
	Entry   string `json:"entry"`
	Version int    `json:"version"`
}

// Problem is why a rotation stopped, in words for people.
type Problem struct {
	Step   string `json:"step"`
	Reason string `json:"reason"`
	What   string `json:"what"` // what happened
	Safe   string `json:"safe"` // what is safe
	Next   string `json:"next"` // what to do
	// Untold says that a proof cannot be had, and nothing speaks against it.
	Untold bool `json:"untold,omitempty"`
}

// Timing is how long a step took.
type Timing struct {
	Step    string    `json:"step"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
}

// Rotation is one run for one secret: a plan and a cursor, and everything
// that must survive a crash. It holds no secret value.
type Rotation struct {
	ID        string    `json:"id"` // lower case letters and digits
	Secret    string    `json:"secret"`
	Batch     string    `json:"batch,omitempty"` // key of the batch that began it or took it over
	Requester Person    `json:"requester"`
	Reason    string    `json:"reason,omitempty"`
	Drill     bool      `json:"drill,omitempty"` // an emergency that is rehearsed: nothing has leaked
	Started   time.Time `json:"started"`
	Alarmed   time.Time `json:"alarmed,omitzero"` // when somebody called it an emergency
	Ended     time.Time `json:"ended,omitzero"`
	Back      *Return   `json:"rollback,omitempty"`
	Surveyed  time.Time `json:"surveyed"`
	State     State     `json:"state"`
	Since     time.Time `json:"since,omitzero"` // when it came into this state; absent in older records

	Cell      Cell             `json:"cell"`
	Traits    providers.Traits `json:"traits"` // as surveyed; hashed into the plan
	Plan      []Step           `json:"plan"`
	PlanHash  string           `json:"plan_hash"`
	Cursor    int              `json:"cursor"`
	Begun     bool             `json:"begun"`                 // the intent of the step at the cursor is in the journal
	Attempt   int              `json:"attempt"`               // failures of the step at the cursor so far
	Throttles int              `json:"throttles,omitempty"`   // how often the step at the cursor has waited because the service said so
	Issues    int              `json:"issues"`                // credentials asked for so far; numbers the labels
	Limit     int              `json:"issue_limit,omitempty"` // of Issues, until a person asks for more
	// Loose are the labels under which a credential may live at the service
	// that no environment holds, and since when. One leaves it when its
	// credential was written, or deleted, or its creation clearly refused.
	Loose    map[string]time.Time `json:"loose,omitempty"`
	Census   *Census              `json:"census,omitempty"`  // what existed before a creation whose answer is not known yet
	Triggers int                  `json:"triggers"`          // deployments asked for so far; numbers the requests
	Watches  int                  `json:"watches,omitempty"` // watches begun so far; numbers them
	Wake     time.Time            `json:"wake,omitzero"`

	Places  map[string]Place       `json:"places"`
	Deploys map[string]Deployment  `json:"deploys,omitempty"`
	Proofs  map[string]Certificate `json:"proofs,omitempty"`
	Vigils  map[Act]*Vigil         `json:"vigils,omitempty"`
	Waived  map[string]Waiver      `json:"waived,omitempty"`   // by step: proofs that a person took over
	Base    map[string]float64     `json:"baseline,omitempty"` // by check, measured at preflight
	Errand  *Errand                `json:"errand,omitempty"`   // open while a person is asked to make a credential
	Parked  *Errand                `json:"parked,omitempty"`   // one of staging's, that an emergency comes back to
	Visits  []Visit                `json:"visits,omitempty"`   // what people were asked to do in consoles
	// Latencies are how long the application took to answer each check at
	// preflight, where the check sees that.
	Latencies map[string]time.Duration `json:"latencies,omitempty"`
	Card      *Card                    `json:"card,omitempty"`
	Allowed   *Card                    `json:"allowed,omitempty"` // under which the old one ended, where a later card asks something else
	Ends      map[string]Ending        `json:"ends,omitempty"`    // by environment, "" when shared
	// Turns are by environment, "" when shared: how far issuing has come where
	// it kills the old one.
	Turns map[string]Turn `json:"turns,omitempty"`
	// Model is what a successor takes from the old ones, which are gone by then.
	Model   json.RawMessage    `json:"model,omitempty"`
	Hooks   map[Act]Deployment `json:"hooks,omitempty"`   // what was asked beside the environments' deployments
	Also    []string           `json:"also,omitempty"`    // other names under which the old value lies; an emergency does not stop for them
	Pauses  bool               `json:"pauses,omitempty"`  // the application's work can be held
	Held    time.Time          `json:"held,omitzero"`     // since when it may be held on our account
	Chores  int                `json:"chores,omitempty"`  // failed attempts to have it go on while people are waited for
	Closing bool               `json:"closing,omitempty"` // it is called off, and over as soon as the work goes on
	Gap     Gap                `json:"gap,omitzero"`
	Problem *Problem           `json:"problem,omitempty"`
	// Sights are what was last seen of old credentials that are not ended, by
	// environment, "" when shared.
	Sights map[string]Sight `json:"sights,omitempty"`
	// Exposed is since when the old credential may have been known to others, as
	// somebody said; zero means since it was made.
	Exposed time.Time   `json:"exposed,omitzero"`
	Audit   *audit.Case `json:"audit,omitempty"`
	// Sheaf is the card of the batch on which people were asked about this one's,
	// for a [Ballot]; it is the batch's, and not stored here.
	Sheaf *Sheaf   `json:"-"`
	Times []Timing `json:"times,omitempty"`
	Seen  Figures  `json:"seen"`
}

// Figures add up what the checks saw of the application meanwhile.
type Figures struct {
	Requests float64 `json:"requests"`
	Failed   float64 `json:"failed"`
}

// Step returns the step at the cursor; ok is false past the end.
func (r *Rotation) Step() (s Step, ok bool) {
	if r.Cursor < 0 || r.Cursor >= len(r.Plan) {
		return Step{}, false
	}
	return r.Plan[r.Cursor], true
}

// Old is production's old credential, or the one at stake, for people.
func (r *Rotation) Old() Known { return r.Places[r.front()].Old }

// New is production's new credential; before production is written, the one
// staging already has.
func (r *Rotation) New() Known {
	if p := r.Places[r.front()]; p.New.ID != "" {
		return p.New
	}
	return r.Places[Staging].New
}

// Olds names every old credential, for people: one, or one for each
// environment.
func (r *Rotation) Olds() string { return r.each(func(p Place) string { return p.Old.Shown() }) }

// each joins what is to be said of every credential.
func (r *Rotation) each(name func(Place) string) string {
	if r.Cell.Shared {
		return name(r.Places[Production])
	}
	var names []string
	for _, env := range r.environments() {
		names = append(names, name(r.Places[env])+" ("+env+")")
	}
	return strings.Join(names, " and ")
}

// OldRefused is the service's answer to an old credential that somebody
// ended by other means, "" where it was accepted when it was last asked.
func (r *Rotation) OldRefused() string {
	if r.Card == nil {
		return ""
	}
	return r.Card.OldRefused
}

// OldDead reports whether every old credential has its death certificate:
// each that the plan ends, not only those it came to.
func (r *Rotation) OldDead() bool {
	for _, s := range r.Plan {
		switch {
		case s.Act == End && r.Ends[s.Environment].Dead.IsZero():
			return false
		case r.Cell.Ahead() && (s.Act == ConfirmDead || s.Act == DurableProbe) && r.Ends[r.scopeKey(scopeOf(s))].Dead.IsZero():
			return false
		}
	}
	for _, e := range r.Ends {
		if e.Dead.IsZero() {
			return false
		}
	}
	return len(r.Ends) > 0
}

// SwitchedOff reports whether an old credential is switched off and not ended
// for good: it can still be switched on again.
func (r *Rotation) SwitchedOff() bool {
	for _, e := range r.Ends {
		if e.Disabled {
			return true
		}
	}
	return false
}

// Wrote reports whether this rotation has written the environment.
func (r *Rotation) Wrote(environment string) bool { return len(r.Places[environment].After) > 0 }

// Rests is since when the rotation is in its state, or since when at most.
func (r *Rotation) Rests() time.Time {
	if r.Since.IsZero() {
		return r.Started
	}
	return r.Since
}

// Key is the rotation's key in the store.
func (r *Rotation) Key() string { return recordKey(r.ID) }

// recordPrefix tells rotations from the other records of the store.
const recordPrefix = "rotation/"

func recordKey(id string) string { return recordPrefix + id }

// recordVersion is the stored form written by this program. Rule for the
// next one: decode old forms into old structs and convert; never rewrite a
// record only to migrate it.
const recordVersion = 1

type storedRecord struct {
	V        int       `json:"v"`
	Rotation *Rotation `json:"rotation"`
}

func encodeRecord(r *Rotation) ([]byte, error) {
	body, err := json.Marshal(storedRecord{V: recordVersion, Rotation: r})
	if err != nil {
		return nil, fmt.Errorf("encoding rotation %s: %w", r.ID, err)
	}
	return body, nil
}

func decodeRecord(key string, body []byte) (*Rotation, error) {
	var s storedRecord
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", key, err)
	}
	switch {
	case s.V != recordVersion:
		return nil, fmt.Errorf("decoding %s: stored form %d is not known to this program (it knows %d)", key, s.V, recordVersion)
	case s.Rotation == nil || s.Rotation.ID == "" || len(s.Rotation.Plan) == 0:
		return nil, fmt.Errorf("decoding %s: it is not a whole rotation", key)
	case s.Rotation.Cursor < 0 || s.Rotation.Cursor > len(s.Rotation.Plan):
		return nil, fmt.Errorf("decoding %s: its cursor %d is outside its plan of %d steps", key, s.Rotation.Cursor, len(s.Rotation.Plan))
	}
	return s.Rotation, nil
}
