package rotation

import (
	"context"
	"errors"
	"strings"
	"time"

	"rekey/rotation/event"
	"rekey/state"
)

// CalledOff is what calling a batch off came to: what was not begun is not
// begun any more, and each rotation was cancelled as if somebody had typed that.
type CalledOff struct {
	*Progress
	Kept map[string]string // by secret: why its rotation goes on
}

// CancelBatch calls off the open batch of a tag, "" for that of every secret.
// It may be asked for again: what was cancelled is left alone.
func (e *Engine) CancelBatch(ctx context.Context, tag string, by Person) (*CalledOff, error) {
	all, err := e.Batches(ctx)
	if err != nil {
		return nil, err
	}
	for _, waiting := range []bool{false, true} { // what waits for another emergency comes last
		for _, p := range all {
			if strings.EqualFold(p.Tag, tag) && (p.Secret != "") == waiting {
				return e.callOff(ctx, p.Key(), by)
			}
		}
	}
	b := Batch{Tag: tag}
	return nil, &Refusal{Code: NoRotation, Sentence: "No emergency of " + b.Whole() + " is open. `/rotate status` shows what is; `/rotate cancel NAME` cancels a single one."}
}

// CancelWaiting calls off an emergency of one secret that waits for that of its
// other environment, and returns what it called off: nothing where none waits. One
// that has begun is an open rotation, for [Engine.Cancel].
func (e *Engine) CancelWaiting(ctx context.Context, secret string, by Person) ([]*Progress, error) {
	s, err := e.subject(secret)
	if err != nil {
		return nil, err
	}
	all, err := e.Batches(ctx)
	if err != nil {
		return nil, err
	}
	var done []*Progress
	for _, p := range all {
		if p.Secret != s.Name || p.Count(Waits) == 0 {
			continue
		}
		off, err := e.callOff(ctx, p.Key(), by)
		if err != nil {
			return done, err
		}
		done = append(done, off.Progress)
	}
	return done, nil
}

func (e *Engine) callOff(ctx context.Context, key string, by Person) (*CalledOff, error) {
	if err := e.begunNoMore(ctx, key, by); err != nil {
		return nil, err
	}
	p, err := e.Batch(ctx, key)
	if err != nil {
		return nil, err
	}
	off := &CalledOff{Kept: make(map[string]string)}
	for _, part := range p.Parts {
		r := part.Rotation
		if r == nil || r.State.Final() || part.Stand == Buried {
			continue
		}
		_, err := e.Cancel(ctx, part.Secret, by)
		var refusal *Refusal
		switch {
		case errors.As(err, &refusal):
			off.Kept[part.Secret] = refusal.Sentence
		case err != nil:
			e.config.Log.Warn("cancelling a rotation of a batch", "batch", p.ID, "secret", part.Secret, "error", err)
			off.Kept[part.Secret] = "It could not be cancelled just now; the cause is in the log."
		}
	}
	off.Progress, err = e.Batch(ctx, key)
	e.nudge(key)
	return off, err
}

// begunNoMore has a batch begin nothing more.
func (e *Engine) begunNoMore(ctx context.Context, key string, by Person) error {
	lease, err := e.claimSoon(ctx, key)
	if err != nil {
		return err
	}
	w := &batchRun{e: e, lease: lease}
	defer func() {
		if !w.over {
			e.release(ctx, w.lease)
		}
	}()
	record, err := e.config.Store.Load(ctx, key)
	if err != nil {
		return err
	}
	if w.b, err = decodeBatch(key, record.Body); err != nil {
		return err
	}
	w.rev = record.Revision
	w.b.CalledOff = true
	for i := range w.b.Members {
		if m := &w.b.Members[i]; !m.Begun && !m.Refused {
			m.Refused, m.Why = true, "Called off before it began. Nothing was changed."
		}
	}
	return w.commit(ctx, []event.Event{{Kind: event.Cancelled, By: by.ID}}, state.Change{Timer: time.Now(), Release: true, Hint: BatchHint(key)})
}
