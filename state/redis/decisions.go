package redis

import (
	"context"
	"errors"
	"fmt"
)

// Decide implements [state.Decisions]. Repeating it is harmless. It returns
// [ErrFull] for a new name where there are too many, and for a body too large.
func (s *Store) Decide(ctx context.Context, k, name string, body []byte) error {
	err := errors.Join(checkNames("key", k), checkNames("name of a decision", name))
	if err == nil && len(body) > MaxDecision {
		err = fmt.Errorf("%d bytes: %w (%d)", len(body), ErrFull, MaxDecision)
	}
	if err != nil {
		return fmt.Errorf("storing a decision: %w", err)
	}
	keys := []key{s.keys.record(k), s.keys.decisions(k)}
	if _, err := s.run(ctx, decideScript, keys, name, body, MaxDecisions); err != nil {
		return fmt.Errorf("storing a decision about %s: %w", k, err)
	}
	return nil
}

// Decisions implements [state.Decisions]. A record without any has none.
func (s *Store) Decisions(ctx context.Context, k string) (map[string][]byte, error) {
	if err := checkNames("key", k); err != nil {
		return nil, fmt.Errorf("reading decisions: %w", err)
	}
	dk := s.keys.decisions(k)
	stored, err := s.client.HGetAll(ctx, dk.name).Result()
	if err != nil {
		return nil, fmt.Errorf("reading decisions about %s: %w", k, s.explain(ctx, err, dk))
	}
	all := make(map[string][]byte, len(stored))
	for name, body := range stored {
		all[name] = []byte(body)
	}
	return all, nil
}

// Decided implements [state.Decisions], by one command: asking whether a name
// exists is quick enough for all open records in one script.
func (s *Store) Decided(ctx context.Context) ([]string, error) {
	keys, err := s.run(ctx, decidedScript, []key{s.keys.open()}, MaxOpen, s.keys.tag)
	if err != nil {
		return nil, fmt.Errorf("listing what was decided: %w", err)
	}
	return keys, nil
}
