package rotation

import (
	"fmt"
	"strings"

	"rekey/providers"
)

// Mode is why a rotation runs. Names are stored.
type Mode string

// The modes.
const (
	Routine   Mode = "routine"
	Emergency Mode = "emergency"
	Rollback  Mode = "rollback"
)

// Act is what a step does. Names are stored: renaming one breaks the
// resuming of rotations that were under way.
type Act string

// The acts, in about the order in which plans use them.
const (
	Preflight    Act = "preflight"      // look again; a difference voids the plan
	Rehearse     Act = "rehearse"       // deploy with nothing changed, to measure the gap
	Approve      Act = "approve"        // people decide
	PauseHook    Act = "pause hook"     // ask the application to hold its work
	Issue        Act = "issue"          // list by label, create, verify, write to the first environment
	Write        Act = "write"          // write the issued value to a further environment
	Backfill     Act = "backfill"       // bring staging along after production
	Make         Act = "make and write" // material Rekey generates itself goes to the vault first
	Sync         Act = "sync"           // the vault's own syncs have finished
	Import       Act = "import"         // hand key material we made to the service, as standby
	Activate     Act = "activate"       // the service signs with the new key from here on
	Deploy       Act = "deploy"         // followed until live
	Prove        Act = "prove"          // life certificate and the affected check
	Watch        Act = "watch"          // fifteen minutes
	Hold         Act = "hold"           // the provider's pause before an end
	End          Act = "end"            // disable where it can be undone, else end for good
	ConfirmDead  Act = "confirm dead"   // death certificate
	WritePrev    Act = "write previous" // PREVIOUS becomes the new value, never empty
	WatchAfter   Act = "watch after"    // a forgotten consumer shows now
	Delete       Act = "delete"         // for good, after a disable
	ResumeHook   Act = "resume hook"    // in every end state
	DurableProbe Act = "durable probe"  // after the service's own deadline
	VaultClosed  Act = "vault closed"   // a person confirms that the leak is closed
	Restore      Act = "restore"        // the old value as a new version
	EndNew       Act = "end new"        // rollback's last step
	Forward      Act = "forward again"  // a rollback rests here whose old credential dies by itself
	Audit        Act = "audit"          // what the thief could have done
	Report       Act = "report"         // both certificates, timings, figures
)

// The two environments a plan speaks of.
const (
	Staging    = "staging"
	Production = "production"
)

// Step is one line of a plan.
type Step struct {
	Act         Act    `json:"act"`
	Environment string `json:"env,omitempty"`
}

// String is the step's stored and shown name: "deploy(production)".
func (s Step) String() string {
	if s.Environment == "" {
		return string(s.Act)
	}
	return string(s.Act) + "(" + s.Environment + ")"
}

// Cell is what decides a plan's steps.
type Cell struct {
	Mode        Mode            `json:"mode"`
	Shape       providers.Shape `json:"shape"`
	Shared      bool            `json:"shared"`       // one credential serves both environments
	UndoOfEnd   bool            `json:"undo_of_end"`  // ending begins with a disable
	RevokeFirst bool            `json:"revoke_first"` // the old credential ends before a new one is made
	// Lingers says that the old credential lives on after its end for a time that
	// nothing shortens.
	Lingers bool `json:"lingers,omitempty"`
	// OnlyStaging says that the credential that leaked is staging's own: an
	// emergency that leaves production alone.
	OnlyStaging bool `json:"only_staging,omitempty"`
}

func (c Cell) String() string {
	parts := []string{string(c.Mode), string(c.Shape), "per environment"}
	if c.Shared {
		parts[2] = "shared"
	}
	if c.UndoOfEnd {
		parts = append(parts, "end can be undone")
	}
	if c.RevokeFirst {
		parts = append(parts, "revoke first")
	}
	if c.Lingers {
		parts = append(parts, "lives on after its end")
	}
	if c.OnlyStaging {
		parts = append(parts, "staging's alone")
	}
	return strings.Join(parts, ", ")
}

// PlanError refuses a cell; its text is a sentence for people.
type PlanError struct{ Sentence string }

func (e *PlanError) Error() string { return e.Sentence }

func refuse(format string, args ...any) ([]Step, error) {
	return nil, &PlanError{Sentence: fmt.Sprintf(format, args...)}
}

// PlanFor returns the steps for a cell. It is total: every cell has a plan or
// a sentence that says why it has none.
func PlanFor(c Cell) ([]Step, error) {
	if c.Lingers && (c.Shared || c.UndoOfEnd || c.Shape != providers.Overlap) {
		return refuse("A credential that lives on after its end is known only where each environment has its own. Declare the secret per environment. Nothing was changed.")
	}
	if sentence := c.misnamed(); sentence != "" {
		return refuse("%s", sentence)
	}
	if c.RevokeFirst {
		return revokeFirst(c)
	}
	switch c.Mode {
	case Routine:
		return routine(c)
	case Emergency:
		return emergency(c)
	case Rollback:
		return rollback(c)
	}
	return refuse("There is no mode %q.", c.Mode)
}

// Executable reports whether this program can run a cell's plan today, and if
// not, the sentence that says so.
func Executable(c Cell) error {
	if _, err := PlanFor(c); err != nil {
		return err
	}
	switch {
	case c.Mode == Rollback && c.Shape != providers.DeployFirst:
		return nil
	case c.Mode == Routine && c.Shape != providers.DeployFirst:
		return nil
	case c.Mode == Emergency && c.Shape != providers.DeployFirst:
		return nil
	case c.Shape == providers.DeployFirst && c.Shared:
		return &PlanError{Sentence: "A signing key belongs to one environment's project: two environments cannot share one. Declare the secret per environment. Nothing was changed."}
	case c.Shape == providers.DeployFirst && !c.UndoOfEnd:
		return nil
	}
	return &PlanError{Sentence: fmt.Sprintf("Rotations in %s mode of the %s kind are planned and cannot be run by this version yet. Nothing was changed.", c.Mode, c.Shape)}
}

func routine(c Cell) ([]Step, error) {
	switch c.Shape {
	case providers.Overlap:
		return plan(only(Preflight), issued(c), only(Watch, Hold, Approve), ended(c), only(WatchAfter), deleted(c), only(Report)), nil
	case providers.Grace:
		return plan(only(Preflight, Approve), issued(c), only(Watch), durable(c), only(Report)), nil
	case providers.Cutover:
		return plan(only(Preflight, Rehearse, Approve), stagingFirst(c), cutover(c), only(Watch, Report)), nil
	case providers.DeployFirst:
		return plan(only(Preflight), deployFirst(Staging), in(Staging, Prove), deployFirst(Production), in(Production, Prove), only(Watch, Hold, Approve),
			revoked(Staging, Production), only(WatchAfter, Report)), nil
	}
	return refuse("There is no shape %q.", c.Shape)
}

func emergency(c Cell) ([]Step, error) {
	env := c.Front()
	switch c.Shape {
	case providers.Overlap:
		if c.Lingers { // what is known is told long before it dies
			return plan(only(Preflight), in(env, Issue, Sync, Deploy, Prove), only(Approve), in(env, End),
				only(Watch, Audit), in(env, ConfirmDead), only(Audit, Report)), nil
		}
		return plan(only(Preflight), in(env, Issue), shared(c, in(Staging, Write)), in(env, Sync, Deploy, Prove),
			only(Approve), disabledAndDeleted(c), in(c.leaked(), ConfirmDead), shared(c, in(Staging, Deploy, Prove)), only(Watch, Audit, Report)), nil
	case providers.Grace:
		return plan(only(Preflight, Approve), in(env, Issue, Sync, Deploy, Prove),
			shared(c, in(Staging, Backfill, Sync, Deploy, Prove)), only(Watch), in(env, DurableProbe), only(Audit, Report)), nil
	case providers.Cutover:
		return plan(only(Preflight, Approve), cutover(c), only(Watch, Audit, Report)), nil
	case providers.DeployFirst:
		return plan(only(Preflight), deployFirst(env), only(Approve), revoked(env), only(Watch, Audit, Report)), nil
	}
	return refuse("There is no shape %q.", c.Shape)
}

func rollback(c Cell) ([]Step, error) {
	switch c.Shape {
	case providers.Overlap:
		return plan(restored(Production), restored(Staging), only(Hold, EndNew, Report)), nil
	case providers.Grace:
		return plan(restored(Production), restored(Staging), only(Forward)), nil // the new key stays
	case providers.DeployFirst:
		return plan(in(Production, Activate), in(Staging, Activate), in(Production, Hold), restored(Production), in(Staging, Hold), restored(Staging), only(EndNew, Report)), nil
	case providers.Cutover:
		return refuse("The old credential died when the new one was issued, so there is nothing to go back to. Go forward: issue again, deploy, prove.")
	}
	return refuse("There is no shape %q.", c.Shape)
}

func revokeFirst(c Cell) ([]Step, error) {
	switch {
	case c.Mode != Emergency:
		return refuse("Revoking first is for emergencies: it causes an outage.")
	case c.Shape == providers.Grace:
		return refuse("This credential cannot be ended first: the service ends it only by issuing its successor. Leave `--revoke-first` out: that is done as soon as somebody approves. Nothing was changed.")
	case c.Shape == providers.DeployFirst:
		return refuse("A signing key that is in use cannot be ended first: nothing could be signed until there is another one. Leave `--revoke-first` out: it is revoked as soon as its successor signs and somebody approves. Nothing was changed.")
	case c.Lingers:
		return refuse("This credential cannot be ended first: it lives on for a while after its end, whatever is done. Leave `--revoke-first` out: the application moves away from it at once, and the request says until when it lives. Nothing was changed.")
	case c.Shape == providers.Cutover:
		return refuse("Issuing ends the old credential at once, so an ordinary emergency is already the fastest way: leave `--revoke-first` out. Nothing was changed.")
	}
	return plan(only(Preflight, Approve), disabledAndDeleted(c), in(c.leaked(), ConfirmDead), only(VaultClosed), in(c.Front(), Issue, Sync, Deploy, Prove),
		shared(c, in(Staging, Backfill, Sync, Deploy, Prove)), only(Watch, Audit, Report)), nil
}

// issued is the heart of every plan: a new credential, in staging first. A
// shared one is issued once and then only written to production.
func issued(c Cell) []Step {
	second := Issue
	if c.Shared {
		second = Write
	}
	return plan(in(Staging, Issue, Sync, Deploy, Prove), in(Production, second, Sync, Deploy, Prove))
}

func cutover(c Cell) []Step {
	if c.OnlyStaging { // the work that hooks hold is production's
		return in(Staging, Issue, ConfirmDead, Sync, Deploy, Prove)
	}
	dead := only(ConfirmDead)
	if !c.Shared {
		dead = in(Production, ConfirmDead)
	}
	return plan(only(PauseHook), in(Production, Issue), dead, in(Production, Sync, Deploy, Prove),
		only(ResumeHook), shared(c, in(Staging, Backfill, Sync, Deploy, Prove)))
}

// stagingFirst cuts over a staging account of its own before production's.
func stagingFirst(c Cell) []Step {
	if c.Shared {
		return nil
	}
	return in(Staging, Issue, ConfirmDead, Sync, Deploy, Prove)
}

func deployFirst(environment string) []Step {
	return in(environment, Make, Import, Sync, Deploy, Prove, Activate)
}

// ended ends the old credential: one shared by both environments once, two
// of their own one after the other, staging's proved dead before production's
// is touched.
func ended(c Cell) []Step {
	if c.Shared {
		return only(End, ConfirmDead)
	}
	return plan(in(Staging, End, ConfirmDead), in(Production, End, ConfirmDead))
}

// revoked ends signing keys: at the service, one environment after the other,
// and then in the applications, which still hold the old values.
func revoked(environments ...string) []Step {
	var steps []Step
	for _, e := range environments {
		steps = append(steps, in(e, End, ConfirmDead)...)
	}
	for _, e := range environments {
		steps = append(steps, in(e, WritePrev, Sync, Deploy, ConfirmDead)...)
	}
	return steps
}

func restored(environment string) []Step {
	return in(environment, Restore, Sync, Deploy, Prove)
}

func durable(c Cell) []Step {
	if c.Shared {
		return in(Production, DurableProbe)
	}
	return plan(in(Staging, DurableProbe), in(Production, DurableProbe))
}

// deleted finishes, after the second watch, what ending only disabled.
func deleted(c Cell) []Step {
	switch {
	case !c.UndoOfEnd:
		return nil
	case c.Shared:
		return only(Delete)
	default:
		return plan(in(Staging, Delete), in(Production, Delete))
	}
}

// disabledAndDeleted ends at once: an emergency has no pause between.
func disabledAndDeleted(c Cell) []Step {
	if c.UndoOfEnd {
		return in(c.leaked(), End, Delete)
	}
	return in(c.leaked(), End)
}

// leaked is the environment whose credential an emergency ends; "" for the one
// that both share.
func (c Cell) leaked() string {
	if c.Shared {
		return ""
	}
	return c.Front()
}

func shared(c Cell, steps []Step) []Step {
	if c.Shared {
		return steps
	}
	return nil
}

func only(acts ...Act) []Step { return in("", acts...) }

func in(environment string, acts ...Act) []Step {
	steps := make([]Step, len(acts))
	for i, a := range acts {
		steps[i] = Step{Act: a, Environment: environment}
	}
	return steps
}

func plan(parts ...[]Step) []Step {
	var steps []Step
	for _, p := range parts {
		steps = append(steps, p...)
	}
	return steps
}
