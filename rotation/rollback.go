package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
	"rekey/state"
)

// Return is a rotation that has turned around: the application goes back to the
// old credential, and the new one ends last.
type Return struct {
	At   time.Time `json:"at"`
	By   Person    `json:"by,omitzero"` // nobody: Rekey itself, by the secret's policy
	Why  string    `json:"why"`         // a sentence for people
	From Mode      `json:"from"`        // what it was before
	Step string    `json:"step"`        // where it turned
	Sent time.Time `json:"sent,omitzero"`
	Left []Known   `json:"left,omitempty"` // credentials that only a person can end
	Gone []Known   `json:"gone,omitempty"` // ended, by their ids
	Card int       `json:"card,omitempty"` // the request that was open
	// Told and Reminders: when and how often people were told that the old one
	// dies by itself. Called is when they were last called because a margin began,
	// or one was dead.
	Told      time.Time `json:"told,omitzero"`
	Reminders int       `json:"reminders,omitempty"`
	Called    time.Time `json:"called,omitzero"`
}

// AutoRollback says which failures turn a routine rotation around by themselves.
type AutoRollback struct {
	Verify bool // the service does not accept the new credential
	Deploy bool // a deployment failed
	Prove  bool // the application does not take the new credential, or fails on it
	Watch  bool // the application failed while it was watched
}

// Rollback turns the open rotation of a secret around, while the old credential
// lives.
func (e *Engine) Rollback(ctx context.Context, secret string, by Person) (*Rotation, error) {
	r, err := e.change(ctx, secret, func(ctx context.Context, w *run) error { return w.rollBack(ctx, by) })
	if refusal, ok := errors.AsType[*Refusal](err); ok && refusal.Code == NoRotation {
		refusal.Sentence += " Once a rotation is over its old key is dead, and there is nothing to go back to: `/rotate NAME` goes forward with another new key."
	}
	return r, err
}

// rollBack carries out a person's wish. Where no environment was written yet
// there is nothing to restore, and the rotation is called off.
func (w *run) rollBack(ctx context.Context, by Person) error {
	if w.r.Cell.Ahead() && !w.r.Replaced() && !w.r.unsure() && w.r.Cell.Mode != Rollback {
		return w.cancelAhead(ctx, by)
	}
	if w.r.Cell.RevokeFirst && len(w.r.Ends) == 0 && w.r.Issues == 0 {
		return w.cancel(ctx, by)
	}
	if w.r.takesUp() {
		return w.takeUp(ctx, by)
	}
	if err := w.mayGoBack(); err != nil {
		return err
	}
	lease, err := keeper{w.e.config.Store, w.e.config.Lease}.during(ctx, w.lease, w.clearWay)
	w.lease = lease
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal
	}
	if err != nil {
		return &Refusal{Code: NotNow, Other: w.r, Err: err, Sentence: "It was not turned around. " + what(w.r, fault.Of(err)) + " " + w.r.Safe() + " Ask again when that is mended."}
	}
	if !w.r.Wrote(Staging) && !w.r.Wrote(Production) {
		return w.nothingToRestore(ctx, by)
	}
	return w.goBack(ctx, by, "somebody asked for it.", nil)
}

// nothingToRestore calls off what no environment holds yet.
func (w *run) nothingToRestore(ctx context.Context, by Person) error {
	if w.r.Cell.Ahead() {
		return w.cancelAhead(ctx, by)
	}
	return w.cancel(ctx, by)
}

// mayGoBack refuses what the record alone tells to be impossible, and says what
// to do instead.
func (w *run) mayGoBack() error {
	r := w.r
	cell := r.Cell
	cell.Mode, cell.RevokeFirst, cell.Lingers = Rollback, false, false
	late := r.tooLate()
	switch err := Executable(cell); {
	case len(r.borrowed()) > 0 && late != nil:
		return late
	case len(r.borrowed()) > 0 && w.onwards():
		return &Refusal{Code: NotNow, Other: r, Sentence: "It went back already. " + r.Safe() + " " + r.onward()}
	case r.Cell.Mode == Rollback && r.State == Stuck:
		return &Refusal{Code: NotNow, Other: r, Sentence: "It is going back already, and stopped on the way. `/rotate retry " + r.Secret + "` goes on."}
	case r.Cell.Mode == Rollback:
		return &Refusal{Code: NotNow, Other: r, Sentence: "It is going back already."}
	case r.Cell.RevokeFirst:
		return &Refusal{Code: NotPlannable, Other: r, Sentence: "The old key is ended first here, so that there is nothing to go back to. Go forward: issue, deploy, prove."}
	case err != nil:
		return &Refusal{Code: NotPlannable, Other: r, Sentence: err.Error(), Err: err}
	case late != nil:
		return late
	case w.endSent():
		return &Refusal{Code: NotNow, Other: r, Sentence: "The end of the old key was asked of the service and cannot be taken back, so there is nothing to go back to. " + w.r.Safe() +
			" Go forward: if the new key is the trouble, `/rotate-emergency " + r.Secret + "` makes another one as soon as this rotation is over."}
	}
	return nil
}

// endSent reports that an old credential was asked to end in a way that nothing
// can undo. One that a person was asked to end may still live: it is probed.
func (w *run) endSent() bool {
	if w.r.Cell.Ahead() {
		return false // the service ends it by itself
	}
	for _, e := range w.r.Ends {
		if !e.Disabled && !w.r.Traits.EndByHand {
			return true
		}
	}
	return false
}

// clearWay makes sure that there is something to go back to. What was only
// switched off is switched on again first: an act towards safety, which does not
// wait for the journal. Then every old credential must be accepted, and what
// became of writes that were begun must be known.
func (w *run) clearWay(ctx context.Context) error {
	if w.r.SwitchedOff() {
		if err := w.switchOn(ctx); err != nil {
			return err
		}
	}
	if w.r.Cell.Ahead() {
		if err := w.sure(ctx); err != nil {
			return err
		}
	}
	if err := w.oldLives(ctx); err != nil {
		return err
	}
	return w.settledWrites(ctx)
}

// oldLives asks the service whether every old credential is accepted, whose value
// is read from the vault by its version.
func (w *run) oldLives(ctx context.Context) error {
	const op = "making sure that the old key can be gone back to"
	for _, env := range w.r.environments() {
		if !w.r.returns(env) {
			continue
		}
		old, err := w.stale(ctx, env)
		if err != nil {
			return err
		}
		if old == nil {
			return fault.New(op, fault.NotFound, "its value can no longer be read in the vault of "+env)
		}
		found, err := w.sighted(ctx, env, old)
		switch {
		case err != nil:
			return err
		case found.Liveness == providers.Refused:
			return &Refusal{Code: NotNow, Other: w.r, Sentence: fmt.Sprintf("%s refuses the old key of %s (%s), so there is nothing to go back to. Nothing was changed. Go forward: mend what fails with the new key, or `/rotate-emergency %s` for another one.",
				w.r.Traits.Service, env, found.Answer, w.r.Secret)}
		case found.Liveness != providers.Alive:
			return &fault.Error{Op: op, Class: fault.Again, Reason: fault.CannotMeasure, Detail: "the service answered " + found.Answer}
		}
	}
	return nil
}

// settledWrites finds out what became of writes that were begun. One that the
// vault may keep for a person would bring the new value back after the rollback.
func (w *run) settledWrites(ctx context.Context) error {
	for _, env := range w.r.environments() {
		if err := w.brought(ctx, env); err != nil {
			return err
		}
		p := w.r.Places[env]
		if p.New.ID == "" || w.r.Wrote(env) {
			continue
		}
		done, err := w.noted(ctx, env)
		switch {
		case err != nil:
			return err
		case !done && (!p.HeldSince.IsZero() || w.unsettledAtIssue()):
			return &Refusal{Code: NotNow, Other: w.r, Sentence: "A write of the new key was sent to the vault of " + env + " and is not there: the vault may keep it for approval, and merging it later would undo a rollback. " +
				"Turn down what waits there, `/rotate cancel " + w.r.Secret + "`, then roll back. " + w.r.Safe()}
		}
	}
	return nil
}

// noted reports that a write which was begun has arrived. Where the record knows
// the new one by its value before anybody else does, the value tells.
func (w *run) noted(ctx context.Context, env string) (bool, error) {
	if w.r.deployFirst() || w.r.Cell.Ahead() {
		return w.arrived(ctx, env)
	}
	return w.alreadyIssued(ctx, env)
}

// brought recognises the credential of one environment in the other, where both
// share it: it was written there, and nobody lived to note it.
func (w *run) brought(ctx context.Context, env string) error {
	if !w.r.Cell.Shared || w.r.Wrote(env) {
		return nil
	}
	for _, other := range w.r.environments() {
		issued := w.r.Places[other].New
		if other == env || !w.r.Wrote(other) {
			continue
		}
		entries, err := w.subject.Vault.Read(ctx, env, w.subject.Variables)
		if err != nil {
			return err
		}
		if later(w.e.held(entries), w.r.Places[env].Before) && w.e.fingerprint(valuesOf(entries)) == issued.Fingerprint {
			w.wrote(env, entries, issued)
		}
	}
	return nil
}

// goBack makes the record that of the rollback and goes on at once. It goes ahead
// even when the journal cannot be written: the old value is restored, and whoever
// holds the rotation next finds it there.
func (w *run) goBack(ctx context.Context, by Person, why string, events []event.Event) error {
	if err := w.turnBack(by, why); err != nil {
		return err
	}
	text := "Going back to the old key: " + why + " " + w.r.Safe()
	if by.ID == "" {
		text = "Going back to the old key by itself, as the policy of this secret says: " + why + " " + w.r.Safe()
	}
	if w.r.Back.From == Emergency {
		text += " The old key is the one that leaked: this does not contain it."
	}
	if w.r.Traits.EndByHand {
		text += " Do not end the old key in the console."
	}
	events = append(events, event.Event{Kind: event.TurnedBack, By: by.ID, Text: text, Facts: map[string]string{"plan": w.r.PlanHash, "from": string(w.r.Back.From), "step": w.r.Back.Step}})
	err := w.commit(ctx, events, state.Change{Timer: time.Now(), Release: true})
	if err != nil {
		w.anyway(ctx, err, w.r.Plan...)
	}
	return err
}

// turnBack changes the record: the plan from here on, and the proofs, which were
// of the new credential.
func (w *run) turnBack(by Person, why string) error {
	r := w.r
	before, from, at := r.PlanHash, r.Cell.Mode, w.at()
	cell := r.Cell
	cell.Mode, cell.RevokeFirst, cell.Lingers = Rollback, false, false
	steps, err := PlanFor(cell)
	if err != nil {
		return err
	}
	steps = slices.DeleteFunc(slices.Clone(steps), func(s Step) bool { return s.Environment != "" && !r.returns(s.Environment) })
	steps = r.firstBack(steps)
	hash, err := hashOf(struct {
		Before string
		Cell   Cell
		Steps  []Step
	}{before, cell, steps})
	if err != nil {
		return err
	}
	r.Back = &Return{At: time.Now(), By: by, Why: why, From: from, Step: at, Card: w.cardNumber()}
	w.withdraw()
	w.advance(0)
	r.Cell, r.Plan, r.PlanHash, r.Errand, r.Throttles, r.Proofs, r.Ends = cell, steps, hash, nil, 0, r.stands(), nil
	r.Waived = nil // nobody's word for the new one says anything of the old one
	r.State, r.Wake = Running, time.Time{}
	return nil
}

// anyway restores old values although the journal could not be written, while
// the lease still holds.
func (w *run) anyway(ctx context.Context, cause error, steps ...Step) {
	if lost(cause) || !errors.Is(cause, errNotStored) || w.r.Cell.Mode != Rollback || w.r.deployFirst() {
		return // what signs is safe as it is: the application accepts both
	}
	ctx, cancel := context.WithDeadline(ctx, w.lease.Until)
	defer cancel()
	for _, s := range steps {
		if s.Act != Restore || ctx.Err() != nil {
			continue
		}
		if _, err := w.guarded(ctx, s); err != nil {
			w.e.config.Log.Warn("restoring an old value although the journal cannot be written", "rotation", w.r.ID, "step", s.String(), "error", err)
			return
		}
		w.e.config.Log.Warn("an old value was restored although the journal cannot be written", "rotation", w.r.ID, "step", s.String())
	}
}

// turnsBack reports that a failure of a step turns the rotation around by itself:
// in a routine rotation, where the secret's policy says so, and while nothing was
// ended. What could not be told turns nothing: that is for people. Where the old
// credential dies by itself only an application that fails goes back to it: a
// value that is about to die is worth nothing to one that works.
func (w *run) turnsBack(step Step, reason fault.Reason) bool {
	cell, auto := w.r.Cell, w.subject.Policy.Rollback
	cell.Mode, cell.Lingers = Rollback, false
	if w.r.Cell.Mode != Routine || len(w.r.Ends) > 0 || Executable(cell) != nil {
		return false
	}
	if w.r.Cell.Ahead() && (reason != fault.Failing || step.Act == Deploy) {
		return false
	}
	return auto.turns(step, reason)
}

// turns reports that a failure of a step is one that the policy names.
func (a AutoRollback) turns(step Step, reason fault.Reason) bool {
	switch step.Act {
	case Issue:
		return a.Verify && reason == fault.Unproved
	case Deploy:
		return a.Deploy && reason == fault.Failing
	case Prove:
		return a.Prove && (reason == fault.Unproved || reason == fault.Failing)
	case Watch:
		return a.Watch && reason == fault.Failing
	default:
		return false
	}
}

// unaccepted reports that the last credential which a step may ask for was not
// accepted by its own service, either, and that this turns the rotation around.
func (w *run) unaccepted(step Step, f *fault.Error) bool {
	return step.Act == Issue && f.Reason == fault.Unproved && w.r.Issues >= w.r.Limit && w.turnsBack(step, f.Reason)
}

// unable reports what keeps a failure from turning the rotation around, outside
// of an act: the service is asked with the lease kept.
func (w *run) unable(ctx context.Context) error {
	lease, err := keeper{w.e.config.Store, w.e.config.Lease}.during(ctx, w.lease, func(ctx context.Context) error {
		return errors.Join(w.r.tooLate(), w.oldLives(ctx), w.settledWrites(ctx))
	})
	w.lease = lease
	return err
}

// holds is what an environment holds by this rotation's doing, and replaced what
// it held before that.
func (p Place) holds() map[string]Held {
	switch {
	case len(p.Restored) > 0:
		return p.Restored
	case len(p.After) > 0:
		return p.After
	default:
		return p.Before
	}
}

func (p Place) replaced() map[string]Held {
	switch {
	case len(p.Restored) > 0:
		return p.After
	case len(p.After) > 0:
		return p.Before
	default:
		return nil
	}
}

// serves is the credential on which an environment is meant to run.
func (r *Rotation) serves(env string) Known {
	if p := r.Places[env]; r.Cell.Mode == Rollback {
		return p.Old
	}
	return r.Places[env].New
}

// safeBack says where each environment stands on the way back.
func (r *Rotation) safeBack() string {
	if r.State == Succeeded {
		return "The application runs on the old key. " + r.Back.Fate()
	}
	if r.Cell.Ahead() {
		return r.safeBorrowed()
	}
	text := r.Lives()
	for _, env := range []string{Production, Staging} {
		p, there := r.Places[env]
		switch {
		case !there:
		case r.Proofs[env].Kind != "":
			text += " " + title(env) + " runs on the old key, proved."
		case len(p.Restored) > 0:
			text += " " + title(env) + ": the vault holds the old key again; the application is not yet proved to run on it."
		case !p.HeldSince.IsZero():
			text += " " + title(env) + ": the write of the old key waits in the vault to be merged; until then it holds the new one."
		case r.Wrote(env):
			text += " " + title(env) + ": the vault still holds the new key."
		default:
			text += " " + title(env) + " was not changed."
		}
		text += r.signedBack(p)
	}
	if len(r.Back.Gone) > 0 { // there may be another one
		return text + " The end of the new key was requested."
	}
	return text + " " + r.Back.Fate()
}

// Fate says what became of the new credential, for people.
func (b *Return) Fate() string {
	switch {
	case len(b.Left) > 0:
		return "The new key lives and nothing uses it: only a person can end it."
	case len(b.Gone) > 0:
		return "The new key is ended."
	case !b.Sent.IsZero():
		return "The end of the new key was requested."
	default:
		return "Both keys live."
	}
}

// nextBack is what to do when a rollback stopped.
func nextBack(r *Rotation, f *fault.Error) string {
	if len(r.borrowed()) > 0 {
		return r.nextBorrowed(f)
	}
	if f.Reason == fault.HeldForApproval {
		return "Merge the request in the vault."
	}
	return "Look into it, then `/rotate retry " + r.Secret + "` goes on with the rollback. The new key is not ended before every environment is proved to run on the old one."
}

// stopReturn stops a rollback at a person's wish: there is nothing to call off
// about a way back, and both keys stay alive.
func (w *run) stopReturn(ctx context.Context, by Person) error {
	if len(w.r.borrowed()) > 0 {
		return w.giveUp(ctx, by)
	}
	if !w.r.Back.Sent.IsZero() {
		return &Refusal{Code: NotNow, Other: w.r, Sentence: "Every environment runs on the old key and the end of the new one was requested, so there is nothing left to cancel."}
	}
	w.writeAgain(turnedDown)
	p := Problem{Step: w.at(), Reason: "cancelled", What: "Stopped by <@" + user(by) + ">.", Safe: w.r.Safe(),
		Next: "`/rotate retry " + w.r.Secret + "` goes on with the rollback."}
	w.r.State, w.r.Problem, w.r.Wake = Stuck, &p, time.Time{}
	return w.commit(ctx, []event.Event{{Kind: event.Cancelled, By: by.ID, Text: p.Safe + " " + p.Next}}, state.Change{Release: true})
}

// since is from when on an environment has held its old value, as its versions
// tell; zero where they do not.
func (w *run) since(ctx context.Context, env, name string) time.Time {
	held := w.r.Places[env].Before[name]
	var since time.Time
	for n := held.Version; n > 0 && n > held.Version-walkBack; n-- {
		old, err := w.subject.Vault.ReadVersion(ctx, env, name, n)
		if err != nil || w.e.config.Key.Fingerprint(old.Value) != held.Fingerprint {
			break
		}
		since = old.Made
	}
	return since
}

// memoBack is what the vault keeps beside a restored value: it is as old as it
// was, and not of today.
func (w *run) memoBack(ctx context.Context, env, name string, now Held) deploy.Note {
	p := w.r.Places[env]
	note := deploy.Note{
		"rekey-rotation":             w.r.ID,
		"rekey-id":                   string(p.Old.ID),
		"rekey-previous-id":          string(p.New.ID),
		"rekey-previous-version":     fmt.Sprint(now.Version),
		"rekey-previous-fingerprint": string(now.Fingerprint),
		NoteRotatedAt:                "",
	}
	if since := w.since(ctx, env, name); !since.IsZero() {
		note[NoteRotatedAt] = since.UTC().Format(time.RFC3339)
	} else {
		note[NoteRotatedAt] = "unknown"
	}
	switch dies := w.r.TurnOf(env).Dies; {
	case !dies.IsZero():
		note[noteExpires] = dies.UTC().Format(time.RFC3339)
	case !p.Old.Expires.IsZero():
		note[noteExpires] = p.Old.Expires.UTC().Format(time.RFC3339)
	case !p.New.Expires.IsZero(), w.r.Traits.Guided:
		note[noteExpires] = "never"
	}
	return note
}

// sweeping tells why a credential of ours is deleted.
func (r *Rotation) sweeping(id providers.ID) string {
	if r.Back != nil && !r.Back.Sent.IsZero() {
		return fmt.Sprintf("%s was made by this rotation, which was rolled back since. No environment holds it.", id)
	}
	return fmt.Sprintf("An earlier attempt made %s and did not come to its end. No environment ever held it.", id)
}

// errandOf says to a deployment's target what it is for.
func (r *Rotation) errandOf() string {
	if r.Cell.Mode == Rollback {
		return "rollback"
	}
	return "rotation"
}

// restoring names the version that is written again.
func (r *Rotation) restoring(env string) map[string]string {
	facts := map[string]string{"id": string(r.Places[env].Old.ID)}
	for name, h := range r.Places[env].Before {
		facts["version of "+name] = fmt.Sprint(h.Version)
	}
	return facts
}

// shownAll names credentials in a sentence.
func shownAll(all []Known) string {
	var names []string
	for _, k := range all {
		names = append(names, k.Brief())
	}
	return both(names)
}
