package rotation

import (
	"context"
	"fmt"
	"maps"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation/event"
)

// heldPoll is how many times longer than a deployment's poll a held write is
// left alone: a person has to merge it.
const heldPoll = 10

// put writes the credential to an environment from the versions this rotation
// found there.
func (w *run) put(ctx context.Context, env string, v providers.Values, k Known) error {
	place := w.r.Places[env]
	place.New = k // named even if the answer is lost
	w.r.Places[env] = place
	var changes []deploy.Assignment
	for _, name := range sortedKeys(v) {
		before := place.from()[name]
		changes = append(changes, deploy.Assignment{Name: name, Value: v[name], From: before.Version, ID: before.EntryID, Note: w.memo(place, before, k),
			Public: w.public(v[name], k)})
	}
	entries, err := w.subject.Vault.Write(ctx, env, changes)
	if err != nil {
		if deploy.IsUnwritten(err) {
			place.New = Known{} // it is clearly not there
			w.r.Places[env] = place
		}
		return err
	}
	w.wrote(env, entries, k)
	return nil
}

// public reports that a value is its credential's public id, as one half of a pair
// is: what the vault keeps beside it names the same.
func (w *run) public(v secret.Value, k Known) bool {
	return w.r.Traits.PublicID && v.Equal(secret.New(string(k.ID)))
}

// NoteRotatedAt is the name under which a write records its moment in the
// vault. It is stored.
const NoteRotatedAt = "rekey-rotated-at"

// memo is what the vault keeps beside the value, in the same write: enough to
// find the way back should every other record be lost.
func (w *run) memo(p Place, before Held, k Known) deploy.Note {
	note := deploy.Note{
		"rekey-rotation":             w.r.ID,
		NoteRotatedAt:                time.Now().UTC().Format(time.RFC3339),
		"rekey-id":                   string(k.ID),
		"rekey-previous-id":          string(p.prior().ID),
		"rekey-previous-version":     fmt.Sprint(before.Version),
		"rekey-previous-fingerprint": string(before.Fingerprint),
	}
	switch {
	case !k.Expires.IsZero():
		note[noteExpires] = k.Expires.UTC().Format(time.RFC3339)
	case w.r.Traits.Guided, len(p.Again) > 0 && w.r.Cell.Ahead():
		note[noteExpires] = "never" // lies over what was noted of the one before
	}
	return note
}

// noteExpires tells when a value dies by itself, which people choose in a
// console: it may be due before its period is over.
const noteExpires = "rekey-expires-at"

// wrote records what an environment holds from now on.
func (w *run) wrote(env string, entries map[string]deploy.Entry, k Known) {
	delete(w.r.Loose, k.Label)
	if w.r.Cell.Ahead() {
		delete(w.r.Proofs, env) // of the old one, on which people approved
	}
	place := w.r.Places[env]
	place.New, place.After, place.HeldSince = k, w.e.held(entries), time.Time{}
	w.r.Places[env] = place
}

// write brings the issued credential from its first environment to a further
// one.
// It reads back first: an earlier attempt may have arrived.
func (w *run) write(ctx context.Context, env string) (outcome, error) {
	from := Staging
	if env == Staging {
		from = Production // it comes after
	}
	place, issued := w.r.Places[env], w.r.Places[from].New
	if len(place.Again) > 0 {
		issued = place.New
	}
	source, err := w.source(ctx, from, env)
	if err != nil {
		return outcome{}, err
	}
	entries, err := w.subject.Vault.Read(ctx, env, w.subject.Variables)
	if err != nil {
		return outcome{}, err
	}
	now := w.e.held(entries)
	switch {
	case later(now, place.Before) && w.e.fingerprint(valuesOf(entries)) == issued.Fingerprint:
		w.wrote(env, entries, issued)
	case !moved(now, place.Before):
		return outcome{}, fault.New("writing "+env, fault.ChangedByOther, "the vault holds a value that neither was there before nor is ours")
	case !place.HeldSince.IsZero():
		return lookAgain(heldPoll * w.subject.Pace.DeployPoll)
	default:
		maps.Copy(place.Before, now)
		err := w.put(ctx, env, source, issued)
		if fault.Is(err, fault.HeldForApproval) {
			return w.heldBack(env, err)
		}
		if err != nil {
			return outcome{}, err
		}
	}
	if w.r.Cell.Ahead() {
		return finished(fmt.Sprintf("Wrote %s to %s. %s", issued.Brief(), env, sentence(w.r.fate(env))))
	}
	if w.r.Cell.RevokeFirst {
		return finished(fmt.Sprintf("Wrote %s to %s.", issued.Brief(), env))
	}
	return finished(fmt.Sprintf("Wrote %s to %s. %s still works.", issued.Brief(), env, place.Old.Brief()))
}

// source is the value to be written: that of the environment that has it, or
// the one this environment had before a rollback.
func (w *run) source(ctx context.Context, from, env string) (providers.Values, error) {
	again := w.r.Places[env].Again
	if len(again) == 0 {
		entries, err := w.expect(ctx, from, w.r.Places[from].After)
		return valuesOf(entries), err
	}
	values, err := w.byVersion(ctx, env, again)
	if err == nil && values == nil {
		err = fault.New("writing the new key to "+env+" once more", fault.NotFound, "its version is no longer in the vault")
	}
	return values, err
}

// heldBack waits for a person to merge our write in the vault, and says so.
// The write is not sent again: that would make a second request.
func (w *run) heldBack(env string, err error) (outcome, error) {
	place := w.r.Places[env]
	place.HeldSince = time.Now()
	w.r.Places[env] = place
	step, _ := w.r.Step()
	f := fault.Of(err)
	text := what(w.r, f) + " Waiting for a person to merge it there. If it is turned down: `/rotate cancel " + w.r.Secret + "`. " + w.r.Safe()
	return outcome{
		wake:   time.Now().Add(heldPoll * w.subject.Pace.DeployPoll),
		events: []event.Event{{Kind: event.Waiting, Step: step.String(), Reason: string(f.Reason), Text: text}},
	}, nil
}
