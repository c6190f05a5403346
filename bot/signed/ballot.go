package signed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"rekey/internal/sshsig"
	"rekey/rotation"
)

// Path is how a decision came, for the journal.
const Path = "command line"

// Signed are the decisions about a card whose source is here: signatures that
// are verified now, by keys that are allowed now. Where people were asked on a
// batch's request, those on that count beside those on the rotation's own. An
// error means that this could not be told; then nothing stands, a no among it.
func (d *Desk) Signed(ctx context.Context, r *rotation.Rotation, card int) ([]rotation.Mark, error) {
	marks, err := d.signedOn(ctx, r, r.Key(), card, func(s Statement) error { return s.about(r, card) })
	if err != nil {
		return nil, err
	}
	sheaf := sheafOf(r, card)
	if sheaf == nil {
		return marks, nil
	}
	more, err := d.signedOn(ctx, r, sheaf.Batch, sheaf.Number, func(s Statement) error { return s.onSheaf(sheaf) })
	if err != nil {
		return nil, err
	}
	return append(marks, more...), nil
}

// sheafOf is the batch's request on which people were asked about a card, nil
// where they were asked about it by itself.
func sheafOf(r *rotation.Rotation, card int) *rotation.Sheaf {
	if c := r.Card; c != nil && c.Number == card && c.Together && r.Sheaf.Covers(r) {
		return r.Sheaf
	}
	return nil
}

// signedOn are the decisions kept under a key of the store, for one rotation.
func (d *Desk) signedOn(ctx context.Context, r *rotation.Rotation, key string, card int, about func(Statement) error) ([]rotation.Mark, error) {
	stored, err := d.config.Store.Decisions(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("reading the signed decisions on request %d of %s: %w", card, key, err)
	}
	var marks []rotation.Mark
	for _, name := range slices.Sorted(maps.Keys(stored)) {
		user, here := holder(name, card)
		if !here {
			continue
		}
		mark, err := d.mark(r, user, stored[name], about)
		var unread *unreadable
		if errors.As(err, &unread) {
			return nil, fmt.Errorf("reading the signed decisions on request %d of %s: %w", card, key, err)
		}
		if err != nil {
			d.config.Log.Warn("a signed decision is not counted", "rotation", r.ID, "request", key, "card", card, "name", name, "error", err)
			continue
		}
		marks = append(marks, mark)
	}
	return marks, nil
}

// unreadable is a source that could not be asked.
type unreadable struct{ error }

func (u *unreadable) Unwrap() error { return u.error }

// mark is what one kept decision stands for now. Somebody whose key is not
// allowed any more stays in the count, as somebody who does not count: their
// approval is withdrawn, and not merely gone.
func (d *Desk) mark(r *rotation.Rotation, user string, body []byte, about func(Statement) error) (rotation.Mark, error) {
	t, err := unseal(d.config.Key, body)
	if err != nil {
		return rotation.Mark{}, err
	}
	s, err := Parse(t.Statement)
	if err == nil {
		err = about(s)
	}
	if err != nil {
		return rotation.Mark{}, err
	}
	signature, err := sshsig.Parse([]byte(t.Signature))
	if err == nil {
		err = signature.Verify(Namespace(d.config.Installation), []byte(t.Statement))
	}
	if err != nil || s.Installation != d.config.Installation || t.User != user {
		return rotation.Mark{}, errors.Join(errors.New("it is not signed for this place"), err)
	}
	k, allowed, err := d.who(signature)
	if err != nil {
		return rotation.Mark{}, &unreadable{err}
	}
	m := rotation.Mark{Yes: s.Act.Yes(), Path: Path, Reason: s.Reason, Person: rotation.Person{ID: d.config.Workspace + "/" + user, Key: signature.Fingerprint()}}
	if s.Act == VaultNotLeak {
		m.Answer = rotation.VaultNotLeak
	}
	switch why := d.elsewhere(); {
	case why != "":
		m.Standing.Why = "a person of another workspace"
	case !allowed || k.User != user:
		m.Standing.Why = "somebody whose key is not among the allowed signers"
	default:
		m.Person, m.Standing = k.as, rotation.Standing{Member: true, Approver: d.config.Roll.Approves(k.Person, r.Secret)}
	}
	return m, nil
}

// Ballot asks both sources, so that a quorum may come over both. A source that
// cannot be asked does not stand; the other may replace it.
func (d *Desk) Ballot() rotation.Ballot { return both{d} }

type both struct{ desk *Desk }

// Marks implements [rotation.Ballot].
func (b both) Marks(ctx context.Context, r *rotation.Rotation, card int) (rotation.Marks, error) {
	signed, err := b.desk.Signed(ctx, r, card)
	if err != nil {
		return rotation.Marks{}, err
	}
	seen, err := b.desk.config.Chat.Marks(ctx, r, card)
	if err != nil && len(signed) > 0 {
		b.desk.config.Log.Warn("a request is counted by signed decisions alone: Slack cannot be asked", "rotation", r.ID, "card", card, "error", err)
		return rotation.Marks{}.With(signed), nil
	}
	return seen.With(signed), err
}
