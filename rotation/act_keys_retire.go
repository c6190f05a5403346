package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/rotation/event"
	"rekey/state"
)

// retire writes the new value over the value before, so that the application
// accepts nothing but what the new key signs. The variable is never empty.
func (w *run) retire(ctx context.Context, env string) (outcome, error) {
	entries, err := w.subject.Vault.Read(ctx, env, w.subject.Variables)
	if err != nil {
		return outcome{}, err
	}
	place, now := w.r.Places[env], w.e.held(entries)
	fresh, prev := entries[w.subject.signs()].Value, w.subject.Previous
	switch written := retired(place.After, now, w.subject.signs(), prev); {
	case written:
		w.retiredNow(env, entries)
		return w.only(env), nil
	case !moved(now, place.After):
		return outcome{}, fault.New("retiring the old value in "+env, fault.ChangedByOther, "the vault holds a value that neither was there before nor is ours")
	case w.alone(env):
		return w.only(env), nil // by the rotation that an emergency took over
	case !place.HeldSince.IsZero():
		return lookAgain(heldPoll * w.subject.Pace.DeployPoll)
	}
	before := now[prev]
	written, err := w.subject.Vault.Write(ctx, env, []deploy.Assignment{{Name: prev, Value: fresh, From: before.Version, ID: before.EntryID, Note: w.memo(place, before, place.New)}})
	switch {
	case fault.Is(err, fault.HeldForApproval):
		return w.heldBack(env, err)
	case err != nil:
		return outcome{}, err
	}
	entries[prev] = written[prev]
	w.retiredNow(env, entries)
	return w.only(env), nil
}

// retiredNow notes that the value before was written over. Where another old key
// is still to end, what people approved stays known: this write is no difference
// to what they saw.
func (w *run) retiredNow(env string, entries map[string]deploy.Entry) {
	place := w.r.Places[env]
	if len(place.Paired) == 0 && slices.ContainsFunc(w.r.Plan[w.r.Cursor:], func(s Step) bool { return s.Act == End }) {
		place.Paired = place.After
		w.r.Places[env] = place
	}
	w.wrote(env, entries, place.New)
}

// alone reports that an environment holds the new value in both variables.
func (w *run) alone(env string) bool {
	after := w.r.Places[env].After
	return len(after) > 0 && after[w.subject.Previous].Fingerprint == after[w.subject.signs()].Fingerprint
}

// retiring reports that an environment is on the way to the new value alone: its
// old key was asked to end.
func (w *run) retiring(env string) bool {
	_, asked := w.r.Ends[env]
	return asked || w.alone(env)
}

// retiringHeld reports that the vault keeps the write over the value before
// for a person.
func (w *run) retiringHeld() bool {
	step, ok := w.r.Step()
	return ok && step.Act == WritePrev && !w.r.Places[step.Environment].HeldSince.IsZero()
}

// stopRetiring stops because a person turned that write down: there is no way
// back behind the revocation, only once more.
func (w *run) stopRetiring(ctx context.Context, by Person) error {
	p := Problem{Step: w.at(), Reason: turnedDown, What: "Stopped by <@" + user(by) + ">.", Safe: w.r.Safe(),
		Next: "Turn down what waits for approval in the vault, then `/rotate retry " + w.r.Secret + "` writes " + w.subject.Previous + " again: until it holds the new value the application accepts what the old key signed."}
	w.r.State, w.r.Problem, w.r.Wake = Stuck, &p, time.Time{}
	return w.commit(ctx, []event.Event{{Kind: event.Cancelled, By: by.ID, Text: p.Safe + " " + p.Next}}, state.Change{Release: true})
}

// retired reports that the value before is the new value already.
func retired(after, now map[string]Held, name, prev string) bool {
	return now[name].Fingerprint == after[name].Fingerprint && now[name].EntryID == after[name].EntryID &&
		now[prev].EntryID == after[prev].EntryID && now[prev].Version > after[prev].Version && now[prev].Fingerprint == now[name].Fingerprint
}

func (w *run) only(env string) outcome {
	return outcome{done: true, text: fmt.Sprintf("%s in %s holds the new value too: after the deployment the application accepts nothing else.", w.subject.Previous, env)}
}
