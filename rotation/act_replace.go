package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// replace issues where that kills the old credential: under an approval that
// stands now, and never twice. The record says that it was asked for before the
// service knows. Whatever became of it is then settled by reading back what the
// service holds, or by the person who was asked.
func (w *run) replace(ctx context.Context, env string) (outcome, error) {
	place := w.r.Places[env]
	w.unpark(env)
	if w.r.Wrote(env) && w.r.Errand == nil {
		return finished("") // on the way again after a pause or a new card
	}
	switch done, err := w.settledWrite(ctx, env); {
	case err != nil:
		return outcome{}, err
	case done:
		return w.takenUp(ctx, env)
	case !place.HeldSince.IsZero():
		return lookAgain(heldPoll * w.subject.Pace.DeployPoll)
	}
	if w.r.TurnOf(env).Begun() {
		return w.goOn(ctx, env)
	}
	if err := w.standing(ctx, Step{Act: Issue, Environment: env}); err != nil {
		return w.fallenAhead(err)
	}
	if w.r.Traits.Guided {
		w.turn(env, func(t *Turn) { t.Sent, t.Stood, t.Looked = time.Now(), time.Now(), time.Now() })
		out, err := w.sendOut(ctx, env)
		if err != nil {
			w.unturned(env) // nobody was asked
		}
		return out, err
	}
	return w.replaceNow(ctx, env)
}

// settledWrite reports that the environment holds the new credential already.
func (w *run) settledWrite(ctx context.Context, env string) (bool, error) {
	if w.r.Wrote(env) {
		return true, nil
	}
	return w.arrived(ctx, env)
}

// takenUp finishes a step whose write has arrived.
func (w *run) takenUp(ctx context.Context, env string) (outcome, error) {
	if w.r.Traits.Guided && w.r.Errand != nil {
		return w.takenOver(ctx, env)
	}
	return w.issued(env), nil
}

// replaceNow asks the service, once.
func (w *run) replaceNow(ctx context.Context, env string) (outcome, error) {
	if limit := max(w.r.Limit, maxIssues); w.r.Issues > limit {
		return outcome{}, fault.New("replacing the credential", fault.Ambiguous, "too many attempts did not come to an end")
	}
	w.turn(env, func(t *Turn) { t.Sent = time.Now() })
	if err := w.note(ctx); err != nil {
		return outcome{}, err
	}
	made, err := w.create(ctx, env)
	if err != nil {
		if refusedCreation(err) {
			w.unturned(env) // asked again only under an approval that stands then
			w.r.Issues++
		}
		return outcome{}, err
	}
	return w.bring(ctx, env, made)
}

// bring verifies a new credential and writes it.
func (w *run) bring(ctx context.Context, env string, made providers.Credential) (outcome, error) {
	w.made = made.Values
	w.turned(env)
	if err := w.acceptable(ctx, made); err != nil {
		return outcome{}, err
	}
	return w.first(ctx, env, made)
}

// goOn settles what was asked for already.
func (w *run) goOn(ctx context.Context, env string) (outcome, error) {
	if !w.r.Traits.Guided {
		return w.settle(ctx, env)
	}
	if out, on, err := w.vigilant(ctx, env); !on {
		return out, err
	}
	return w.guided(ctx, env)
}

// settle reads back what the service holds. The old one there says that the
// request has not arrived: it is asked again, under an approval that stands,
// once it can no longer come late.
func (w *run) settle(ctx context.Context, env string) (outcome, error) {
	now, made, err := w.readBack(ctx, env)
	if err != nil {
		return outcome{}, err
	}
	if made {
		return w.bring(ctx, env, now)
	}
	if late := w.r.Traits.Waits.Settle - time.Since(w.r.TurnOf(env).Sent); late > 0 {
		return lookAgain(late)
	}
	w.unturned(env)
	w.r.Issues++
	return lookAgain(time.Millisecond)
}

// readBack asks the service what it holds, and whether that is a new one.
func (w *run) readBack(ctx context.Context, env string) (providers.Credential, bool, error) {
	current, err := capability[providers.Current](ctx, w, "reading back what the service holds")
	if err != nil {
		return providers.Credential{}, false, err
	}
	now, err := current.Current(ctx, env)
	if err != nil {
		return providers.Credential{}, false, err
	}
	return now, w.e.fingerprint(now.Values) != w.r.Places[env].Old.Fingerprint, nil
}

// watchful is how many looks at the old credential are spread over the time
// for which a person has been waited for: often at first, ever less later.
const watchful = 12

// vigilant looks, while a person is waited for, whether the old credential
// still lives and the approval still stands. Once it is refused only going on
// helps; while it lives an approval that fell calls the person off. on says to
// look into the inbox.
func (w *run) vigilant(ctx context.Context, env string) (out outcome, on bool, err error) {
	t, now := w.r.TurnOf(env), time.Now()
	every := max(w.r.Traits.Waits.ProbeEvery, now.Sub(t.Sent)/watchful)
	if !t.Made.IsZero() || !t.Refused.IsZero() || now.Sub(t.Looked) < every {
		return outcome{}, true, nil
	}
	old, err := w.stale(ctx, env)
	if err != nil {
		return outcome{}, false, err
	}
	found, err := w.sighted(ctx, env, old)
	if err != nil {
		return outcome{}, false, err
	}
	w.turn(env, func(t *Turn) { t.Looked = now })
	switch {
	case found.Liveness == providers.Refused:
		w.turn(env, func(t *Turn) { t.Refused = now })
		return outcome{}, true, w.note(ctx, event.Event{Kind: event.Waiting, Step: w.at(),
			Text: fmt.Sprintf("The service refuses the old key of %s (%s): the gap has begun. Bring the new key into the inbox now.", scopeWords(w.r, env), found.Answer)})
	case found.Liveness != providers.Alive || now.Sub(t.Stood) < w.subject.Pace.Fresh || w.r.Errand.has():
		return outcome{}, true, nil
	}
	err = w.stillApproved(ctx, w.r.Card)
	if err == nil {
		w.turn(env, func(t *Turn) { t.Stood = now })
		return outcome{}, true, nil
	}
	if _, void := errors.AsType[*voided](err); !void {
		if _, veto := errors.AsType[*denied](err); !veto {
			return outcome{}, false, err
		}
	}
	w.unturned(env)
	w.r.Errand = nil
	out, err = w.fallenAhead(err)
	out.events = append(out.events, event.Event{Kind: event.Waiting, Step: w.at(), Text: "Do not replace the key in the console: the approval was taken back, and production would stop."})
	return out, false, err
}

// has reports that something lies in the inbox.
func (e *Errand) has() bool { return e != nil && e.Entry != "" }
