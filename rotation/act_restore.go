package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// restore writes the old value to an environment as a new version. It is read by
// its version number, its fingerprint must be the one noted before, and the
// service must accept it. Entered again it looks first: what holds the old value
// already is left alone, whoever put it there.
func (w *run) restore(ctx context.Context, env string) (outcome, error) {
	if err := w.r.inTime(env); err != nil {
		return outcome{}, err
	}
	if out, fit, err := w.signsOld(ctx, env); !fit {
		return out, err
	}
	old, err := w.restorable(ctx, env)
	if err != nil {
		return outcome{}, err
	}
	entries, err := w.subject.Vault.Read(ctx, env, w.subject.Variables)
	if err != nil {
		return outcome{}, err
	}
	place, now := w.r.Places[env], w.e.held(entries)
	todo, err := place.toRestore(env, now)
	switch {
	case err != nil:
		return outcome{}, err
	case len(todo) == 0:
		return w.restored(env, now), nil
	case !place.HeldSince.IsZero():
		return lookAgain(heldPoll * w.subject.Pace.DeployPoll)
	}
	var changes []deploy.Assignment
	for _, name := range todo {
		changes = append(changes, deploy.Assignment{Name: name, Value: old[name], From: now[name].Version, ID: now[name].EntryID, Note: w.memoBack(ctx, env, name, now[name]),
			Public: w.public(old[name], place.Old)})
	}
	written, err := w.subject.Vault.Write(ctx, env, changes)
	switch {
	case fault.Is(err, fault.HeldForApproval):
		return w.heldBack(env, err)
	case err != nil:
		return outcome{}, err
	}
	for name, e := range w.e.held(written) {
		now[name] = e
	}
	return w.restored(env, now), nil
}

// restorable reads an environment's old value by its version and holds that it
// lives: a dead one would cut the application off.
func (w *run) restorable(ctx context.Context, env string) (providers.Values, error) {
	op := "restoring the old key in " + env
	old, err := w.stale(ctx, env)
	switch {
	case err != nil:
		return nil, err
	case old == nil:
		return nil, fault.New(op, fault.NotFound, "its version is no longer in the vault, and Rekey keeps no values")
	}
	found, err := w.sighted(ctx, env, old)
	switch {
	case err != nil:
		return nil, err
	case found.Liveness == providers.Refused:
		return nil, fault.New(op, fault.Unproved, "the service refuses it: "+found.Answer)
	case found.Liveness != providers.Alive:
		return nil, &fault.Error{Op: op, Class: fault.Again, Reason: fault.CannotMeasure, Detail: "the service answered " + found.Answer}
	}
	return old, nil
}

// toRestore names the variables that hold the new value. One that holds neither
// was changed by somebody else.
func (p Place) toRestore(env string, now map[string]Held) (names []string, err error) {
	for _, name := range sortedKeys(p.Before) {
		before, after, h := p.Before[name], p.After[name], now[name]
		switch {
		case h.EntryID == before.EntryID && h.Fingerprint == before.Fingerprint:
		case h.EntryID == before.EntryID && h.Fingerprint == after.Fingerprint && h.Version >= after.Version:
			names = append(names, name)
		default:
			return nil, fault.New("restoring the old key in "+env, fault.ChangedByOther, "the vault holds a value that neither was there before nor is ours")
		}
	}
	return names, nil
}

func (w *run) restored(env string, now map[string]Held) outcome {
	place := w.r.Places[env]
	place.Restored, place.HeldSince = now, time.Time{}
	w.r.Places[env] = place
	return outcome{done: true, text: fmt.Sprintf("Wrote %s to %s again, as a new version. Both keys work.", place.Old.Brief(), env)}
}

// holdReturn is the provider's pause before an end, as on the way forward: from
// the last proof on.
func (w *run) holdReturn() (outcome, error) {
	var last time.Time
	for _, p := range w.r.Proofs {
		if p.At.After(last) {
			last = p.At
		}
	}
	until := last.Add(w.r.Traits.Waits.Hold)
	if last.IsZero() || !time.Now().Before(until) {
		return finished("")
	}
	return outcome{wake: until}, nil
}

// endNew ends what this rotation issued, by explicit ids, once every
// environment's current value and life certificate show the old one. Before the
// service is asked the record knows of it.
func (w *run) endNew(ctx context.Context) (outcome, error) {
	for _, env := range w.r.environments() {
		cert, err := w.vouch(ctx, env)
		if err != nil {
			return outcome{}, err
		}
		w.certified(env, cert)
		if err := w.either(ctx, env); err != nil {
			return outcome{}, err
		}
	}
	used, err := w.inUse(ctx)
	if err != nil {
		return outcome{}, err
	}
	for _, k := range w.issuedHere() {
		if used[k.ID] || w.isOld(k.ID) {
			return outcome{}, fault.New("ending the new credential", fault.Ambiguous, "an environment holds "+k.Shown())
		}
		if err := w.endOne(ctx, k); err != nil && w.r.deployFirst() {
			return w.patient(err)
		} else if err != nil {
			return outcome{}, err
		}
	}
	if err := w.sweep(ctx); err != nil {
		return outcome{}, err
	}
	return finished(w.endedWords())
}

func (w *run) endOne(ctx context.Context, k Known) error {
	b := w.r.Back
	if w.r.Traits.EndByHand {
		if !named(b.Left, k.ID) {
			b.Left = append(b.Left, k)
		}
		return nil
	}
	if named(b.Gone, k.ID) {
		return nil
	}
	ender, err := capability[providers.Ender](ctx, w, "ending the new credential")
	if err != nil {
		return err
	}
	b.Sent = time.Now()
	if err := w.note(ctx, event.Event{Kind: event.Intent, Step: w.at(), Facts: map[string]string{"id": string(k.ID)}}); err != nil {
		return err
	}
	if err := ender.End(ctx, k.ID); err != nil {
		return err
	}
	if gone, err := w.delisted(ctx, k.ID); err != nil || !gone {
		return cmpErr(err, &fault.Error{Op: "ending the new credential", Class: fault.Again, Reason: fault.StillAlive, Detail: "still listed"})
	}
	b.Gone = append(b.Gone, k)
	return nil
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// delisted reports that the service's list no longer has a credential, where it
// has one.
func (w *run) delisted(ctx context.Context, id providers.ID) (bool, error) {
	if listed, err := w.lists(ctx); err != nil || !listed {
		return true, err
	}
	lister, err := capability[providers.Lister](ctx, w, "listing credentials")
	if err != nil {
		return false, err
	}
	all, err := lister.List(ctx)
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(all, func(c providers.Credential) bool { return c.ID == id }), nil
}

// issuedHere are the credentials that this rotation brought into some
// environment, each once.
func (w *run) issuedHere() []Known {
	var all []Known
	for _, env := range w.r.environments() {
		k := w.r.Places[env].New
		if w.r.Wrote(env) && k.ID != "" && !named(all, k.ID) {
			all = append(all, k)
		}
	}
	return all
}

func named(all []Known, id providers.ID) bool {
	return slices.ContainsFunc(all, func(k Known) bool { return k.ID == id })
}

func (w *run) isOld(id providers.ID) bool {
	for _, p := range w.r.Places {
		if p.Old.ID == id {
			return true
		}
	}
	return false
}

func (w *run) endedWords() string {
	b := w.r.Back
	switch {
	case len(b.Left) > 0:
		return fmt.Sprintf("Nothing uses %s any more, and only a person can end it: delete it in the console of %s.", shownAll(b.Left), w.r.Traits.Service)
	case len(b.Gone) > 0:
		return fmt.Sprintf("Every environment runs on the old key, so %s %s ended.", shownAll(b.Gone), map[bool]string{true: "were", false: "was"}[len(b.Gone) > 1])
	default:
		return "No new key is left: none had reached an environment."
	}
}

// reportBack ends a rollback: which key lives where.
func (w *run) reportBack(ctx context.Context) (outcome, error) {
	if err := w.sweep(ctx); err != nil {
		return outcome{}, err
	}
	r := w.r
	text := fmt.Sprintf("Rolled back in %s. The application runs on %s in %s again. %s", human(time.Since(r.Back.At)), r.each(func(p Place) string { return p.Old.Brief() }), r.where(), w.endedWords())
	if r.Back.From == Emergency {
		text += " The leaked key is in use and is not contained: `/rotate-emergency " + r.Secret + "` tries again."
	} else {
		text += " The secret is not rotated: `/rotate " + r.Secret + "` tries again when the cause is mended."
	}
	facts := w.reportFacts()
	facts["rolled_back"], facts["why"], facts["turned_at"] = "true", r.Back.Why, r.Back.Step
	return outcome{done: true, events: []event.Event{{Kind: event.Reported, Text: text + unseen(r), Facts: facts}}}, nil
}
