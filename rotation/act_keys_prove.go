package rotation

import (
	"context"
	"fmt"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// knocks is how often each token is shown to an application: at least so
// often, and twice for each instance that is known.
const knocks = 6

// either proves that the application of an environment accepts what the old
// and what the new key sign, with tokens made here; and once the new key was
// activated, that the service signs with it and trusts both.
func (w *run) either(ctx context.Context, env string) error {
	if !w.r.deployFirst() {
		return nil
	}
	if w.r.Cell.Mode == Rollback {
		return w.onlyOld(ctx, env)
	}
	op := "proving that " + env + " accepts what either key signs"
	fresh, stale, err := w.both(ctx, env)
	if err != nil {
		return err
	}
	if stale.IsZero() {
		return fault.New(op, fault.Unproved, "the old value can no longer be read in the vault")
	}
	place := w.r.Places[env]
	if w.retiring(env) {
		if err := w.knock(ctx, env, op, signer{"new", place.New.ID, fresh}, deploy.Admitted); err != nil {
			return err
		}
		return w.signing(ctx, env, place.New.ID, fresh)
	}
	for _, k := range []signer{{"old", place.Old.ID, stale}, {"new", place.New.ID, fresh}} {
		if err := w.knock(ctx, env, op, k, deploy.Admitted); err != nil {
			return err
		}
	}
	if place.Activated.IsZero() {
		return nil
	}
	return w.signing(ctx, env, place.New.ID, fresh, stale)
}

// accepts puts such a proof into words.
func (w *run) accepts(env string, cert Certificate) string {
	if w.r.Cell.Mode == Rollback {
		return w.onlyOldWords(env, cert)
	}
	place := w.r.Places[env]
	if w.retiring(env) {
		return fmt.Sprintf("%s accepts tokens of %s: %s said so, %s.", title(env), place.New.Brief(), counted(cert.Instances, "instance"), cert.Affected)
	}
	text := fmt.Sprintf("%s accepts tokens of %s and of %s: %s said so, %s.", title(env), place.New.Brief(), place.Old.Brief(), counted(cert.Instances, "instance"), cert.Affected)
	if place.Activated.IsZero() {
		return text
	}
	return text + fmt.Sprintf(" %s signs with %s and trusts both.", w.r.Traits.Service, place.New.Brief())
}

// guards proves, before anything is changed, that the gate of an environment
// lets in tokens of the key in use and turns away those of a value that nobody
// holds: a gate that is open to everybody proves nothing later.
func (w *run) guards(ctx context.Context, env string, current map[string]deploy.Entry) error {
	if !w.r.deployFirst() {
		return nil
	}
	op, name, old := "trying the gate of "+env, w.subject.signs(), w.r.Places[env].Old.ID
	if err := w.knock(ctx, env, op, signer{"old", old, current[name].Value}, deploy.Admitted); err != nil {
		return err
	}
	importer, err := capability[providers.Importer](ctx, w, op)
	if err != nil {
		return err
	}
	nobodys, err := importer.Make(w.labelFor(env) + "nobody")
	if err != nil {
		return err
	}
	return w.knock(ctx, env, op, signer{"made-up", old, nobodys.Values[name]}, deploy.TurnedAway)
}

// both are the new and the old value of an environment; the old one is zero
// when it can no longer be read.
func (w *run) both(ctx context.Context, env string) (fresh, stale secret.Value, err error) {
	current, err := w.expect(ctx, env, w.r.Places[env].After)
	if err != nil {
		return fresh, stale, err
	}
	old, err := w.stale(ctx, env)
	if err != nil {
		return fresh, stale, err
	}
	name := w.subject.signs()
	return current[name].Value, old[name], nil
}

// signer is a key as an application holds it.
type signer struct {
	name  string // "old" or "new", for people
	id    providers.ID
	value secret.Value
}

// knock shows the application a token of one key, so often that every
// instance is likely to have seen it, and wants one and the same answer.
func (w *run) knock(ctx context.Context, env, op string, k signer, want deploy.Admission) error {
	for range max(knocks, 2*w.r.Proofs[env].Instances) {
		token, err := w.token(ctx, k)
		if err != nil {
			return err
		}
		heard := w.subject.Stages[env].Gate.Admit(ctx, token)
		switch {
		case heard.Admission == want:
		case heard.Admission == deploy.NotTold:
			return &fault.Error{Op: op, Class: fault.Again, Reason: fault.CannotMeasure, Detail: "a token of the " + k.name + " key: " + heard.Detail}
		default:
			return &fault.Error{Op: op, Class: fault.Again, Reason: fault.Unproved, Detail: fmt.Sprintf("a token of the %s key was %s (%s)", k.name, heard.Admission, heard.Detail)}
		}
	}
	return nil
}

// signing proves at the service that it signs with a key, and trusts what the
// values sign.
func (w *run) signing(ctx context.Context, env string, with providers.ID, trusted ...secret.Value) error {
	op := "asking " + w.r.Traits.Service + " which key it signs with in " + env
	a, err := capability[providers.Activator](ctx, w, op)
	if err != nil {
		return err
	}
	active, err := a.Active(ctx, env)
	switch {
	case err != nil:
		return err
	case active != with:
		return &fault.Error{Op: op, Class: fault.Again, Reason: fault.Unproved, Detail: "it is " + string(active)}
	}
	for _, v := range trusted {
		found, err := w.probe(ctx, providers.Values{w.subject.signs(): v})
		if err != nil {
			return err
		}
		if found.Liveness != providers.Alive {
			return &fault.Error{Op: op, Class: fault.Again, Reason: fault.Unproved, Detail: "it answered " + found.Answer + " to a token of the key"}
		}
	}
	return nil
}

// shut proves that the application of an environment accepts what the new key
// signs and refuses what the old one does. It follows the death at the service,
// the write of the value before and a deployment.
func (w *run) shut(ctx context.Context, s Step) (outcome, error) {
	env := s.Environment
	cert, err := w.certify(ctx, env)
	if err != nil {
		return w.unproved(err)
	}
	w.certified(env, cert)
	op := "proving that " + env + " refuses what the old key signs"
	fresh, stale, err := w.both(ctx, env)
	if err != nil {
		return outcome{}, err
	}
	place := w.r.Places[env]
	if err := w.knock(ctx, env, op, signer{"new", place.New.ID, fresh}, deploy.Admitted); err != nil {
		return w.unproved(err)
	}
	if stale.IsZero() {
		w.closed(s)
		return finished(fmt.Sprintf("%s holds the new value in both variables. The old one can no longer be read in the vault, so no token of it was tried.", title(env)))
	}
	if err := w.knock(ctx, env, op, signer{"old", place.Old.ID, stale}, deploy.TurnedAway); err != nil {
		return w.unproved(err)
	}
	w.closed(s)
	return finished(fmt.Sprintf("%s lets in tokens of %s and turns away those of %s.", title(env), place.New.Brief(), place.Old.Brief()))
}

// closed notes that an application accepts nothing more of the old key.
func (w *run) closed(s Step) {
	e := w.r.Ends[s.Environment]
	e.Shut = time.Now()
	w.ending(s, e)
}

// inApplication reports whether a death is to be proved at the application:
// after the value before was written over.
func (w *run) inApplication(s Step) bool {
	for i := range w.r.Cursor {
		if before := w.r.Plan[i]; before.Act == WritePrev && before.Environment == s.Environment {
			return true
		}
	}
	return false
}

// unproved tries a proof again until the time for it is over.
func (w *run) unproved(err error) (outcome, error) {
	began := w.r.Times[len(w.r.Times)-1].Started
	if f := fault.Of(err); f.Class == fault.Again && time.Since(began) < w.subject.Pace.ProveFor {
		return lookAgain(w.subject.Pace.ProveEvery)
	} else if f.Reason == fault.Unproved {
		f.Class = fault.Ask
	}
	return outcome{}, err
}
