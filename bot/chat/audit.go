package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/state"
)

// The files of an audit, by the number in their duty. Stored.
const (
	auditReport = 1
	auditTable  = 2
)

// auditFile is one of an audit's files; false for a number of another version.
func auditFile(r *rotation.Rotation, number int, at place) (upload, bool) {
	name := fmt.Sprintf("audit-%s-%s", r.Secret, r.ID)
	switch number {
	case auditReport:
		return upload{name: name + ".md", title: r.Secret + ": exposure audit", body: r.Audit.Markdown(), at: at}, true
	case auditTable:
		return upload{name: name + ".csv", title: r.Secret + ": exposure audit, every line", body: r.Audit.CSV(), at: at}, true
	default:
		return upload{}, false
	}
}

// findings puts one file of an audit into the thread, once its sentences are
// there. They are made anew from the record each time: nothing is kept on a disk.
func (c *Chat) findings(ctx context.Context, key string, number int) error {
	r, root, err := c.messageOf(ctx, key, rootRef)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return nil
	case err != nil:
		return err
	case r.Audit == nil || r.Audit.Closed.IsZero():
		return nil
	}
	if told, err := c.audited(ctx, key); err != nil || !told {
		return errors.Join(err, notYet(told))
	}
	if stands, err := c.stands(ctx, hint{hintAudit, key, number}); err != nil || !stands {
		return err
	}
	p, known := auditFile(r, number, root)
	if !known {
		return nil
	}
	// A second audit of a rotation, after a dead key came back to life, has files of its own.
	mark := fmt.Sprintf("%s/audit/%d/%d", key, number, r.Audit.Closed.Unix())
	if err = c.attach(ctx, mark, p); hopeless(err) {
		c.config.Log.Warn("a file of the audit is left out of the thread, which tells its findings in words", "rotation", r.ID, "file", p.name, "error", c.helpful(err))
		return nil
	}
	return err
}

// audited reports that an audit's sentences have left the outbox.
func (c *Chat) audited(ctx context.Context, key string) (bool, error) {
	rows, err := c.store.Rows(ctx, key, rowsAtOnce)
	if err != nil {
		return false, fmt.Errorf("looking for what is still to be told: %w", err)
	}
	return !slices.ContainsFunc(rows, func(row state.Row) bool {
		e, err := event.Decode(row.Seq, row.Body)
		return err == nil && e.Kind == event.Audited
	}), nil
}

// ofAudits are the duties that a batch leaves towards an audit's files.
func (d *delivery) ofAudits(b batch) []hint {
	if !slices.ContainsFunc(b.events, func(e event.Event) bool { return e.Kind == event.Audited }) {
		return nil
	}
	return []hint{{hintAudit, d.key, auditReport}, {hintAudit, d.key, auditTable}}
}
