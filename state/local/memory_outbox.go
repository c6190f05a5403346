package local

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"rekey/state"
)

// row is an event that waits to be delivered. Its body is in the journal.
type row struct {
	seq   int64
	since int64 // ticket
}

// name is a message of a record: what a reference leads back to.
type name struct{ key, name string }

// Pending implements [state.Outbox]. What counts is how long the first row of
// a record has been waiting.
func (m *Memory) Pending(ctx context.Context, limit int) ([]string, error) {
	if err := usable(ctx); err != nil {
		return nil, fmt.Errorf("listing what waits to be told: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	waiting := m.orderedLocked(func(e *entry) bool { return len(e.rows) > 0 }, func(e *entry) int64 { return e.rows[0].since })
	var keys []string
	for _, e := range head(waiting, limit) {
		keys = append(keys, e.key)
	}
	return keys, nil
}

// Rows implements [state.Outbox].
func (m *Memory) Rows(ctx context.Context, key string, limit int) ([]state.Row, error) {
	if err := usable(ctx, key); err != nil {
		return nil, fmt.Errorf("reading rows: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.records[key]
	if e == nil {
		return nil, nil
	}
	var rows []state.Row
	for _, r := range head(e.rows, limit) {
		rows = append(rows, state.Row{Seq: r.seq, Body: bytes.Clone(e.journal[r.seq-1].Body)})
	}
	return rows, nil
}

// Delivered implements [state.Outbox]. Repeating it is harmless. A sequence
// number of 0 stores references only.
func (m *Memory) Delivered(ctx context.Context, l state.Lease, key string, seq int64, refs map[string]string) error {
	if err := checkDelivered(ctx, l, key, refs); err != nil {
		return fmt.Errorf("removing delivered rows: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.records[key]
	switch {
	case !m.heldLocked(l):
		return fmt.Errorf("removing delivered rows of %s: %w", key, state.ErrLost)
	case e == nil:
		return fmt.Errorf("removing delivered rows of %s: %w", key, state.ErrNotFound)
	}
	if err := m.keptLocked(op{Do: opDelivered, Key: key, Number: seq, Refs: refs}); err != nil {
		return fmt.Errorf("removing delivered rows of %s: %w", key, err)
	}
	m.deliveredLocked(e, seq, refs)
	return nil
}

func (m *Memory) deliveredLocked(e *entry, seq int64, refs map[string]string) {
	e.rows = slices.DeleteFunc(e.rows, func(r row) bool { return r.seq <= seq })
	for _, n := range slices.Sorted(maps.Keys(refs)) {
		m.referLocked(e, n, refs[n])
	}
}

func checkDelivered(ctx context.Context, l state.Lease, key string, refs map[string]string) error {
	if err := checkLease(ctx, l); err != nil {
		return err
	}
	if l.Key != "post/"+key {
		return fmt.Errorf("the lease of %s does not cover the rows of %s", l.Key, key)
	}
	for n, ref := range refs {
		if err := usable(ctx, n, ref); err != nil {
			return err
		}
	}
	return nil
}

// referLocked gives a name its reference. The old one no longer leads to the
// name, unless meanwhile it leads to another.
func (m *Memory) referLocked(e *entry, n, ref string) {
	this := name{e.key, n}
	if old, had := e.refs[n]; had && m.found[old] == this {
		delete(m.found, old)
	}
	e.refs[n], m.found[ref] = ref, this
}

// Refs implements [state.Refs]. A record without messages has none.
func (m *Memory) Refs(ctx context.Context, key string) (map[string]string, error) {
	if err := usable(ctx, key); err != nil {
		return nil, fmt.Errorf("reading references: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	refs := make(map[string]string)
	if e := m.records[key]; e != nil {
		maps.Copy(refs, e.refs)
	}
	return refs, nil
}

// FindRef implements [state.Refs]. Only the reference a name has now is found.
func (m *Memory) FindRef(ctx context.Context, ref string) (key, message string, err error) {
	if err := usable(ctx, ref); err != nil {
		return "", "", fmt.Errorf("finding a reference: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	n, ok := m.found[ref]
	if !ok {
		return "", "", fmt.Errorf("finding reference %s: %w", ref, state.ErrNotFound)
	}
	return n.key, n.name, nil
}
