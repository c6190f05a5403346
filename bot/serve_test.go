package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/state/redis"
)

func TestDurable(t *testing.T) {
	evicts := redis.Finding{Name: redis.FindingEviction, Problem: "it evicts", Readable: true}
	hidden := redis.Finding{Name: redis.FindingAppendOnly, Problem: "cannot be read: no permission"}
	for name, test := range map[string]struct {
		found    []redis.Finding
		accepted bool
		want     []string
	}{
		"nothing found":      {},
		"evicting":           {found: []redis.Finding{evicts}, want: []string{"it evicts"}},
		"evicting, accepted": {found: []redis.Finding{evicts}, accepted: true, want: []string{"it evicts"}},
		"hidden":             {found: []redis.Finding{hidden}, want: []string{"append-only cannot be read", "durability: accepted"}},
		"hidden, accepted":   {found: []redis.Finding{hidden}, accepted: true},
		"both, all at once":  {found: []redis.Finding{evicts, hidden}, want: []string{"it evicts", "append-only"}},
	} {
		err := durable(test.found, test.accepted, slog.New(slog.DiscardHandler))
		if (err != nil) != (len(test.want) > 0) {
			t.Errorf("%s: %v", name, err)
		}
		for _, w := range test.want {
			if err != nil && !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q is not in %v", name, w, err)
			}
		}
	}
}

// waiting is a part that ends when it is told to, after a pause.
func waiting(pause time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		<-time.After(pause)
		return ctx.Err()
	}
}

func TestRunEnds(t *testing.T) {
	broken := errors.New("connecting to Slack: invalid_auth")
	for name, test := range map[string]struct {
		parts program
		want  []error
		took  time.Duration
	}{
		"a signal":                    {parts: program{waiting(time.Second), waiting(0)}, took: 61 * time.Second},
		"a signal, one will not end":  {parts: program{waiting(time.Hour), waiting(0)}, want: []error{errUnfinished}, took: 70 * time.Second},
		"one fails":                   {parts: program{waiting(time.Second), func(context.Context) error { return broken }}, want: []error{broken}, took: time.Second},
		"one fails, one will not end": {parts: program{waiting(time.Hour), func(context.Context) error { return broken }}, want: []error{broken, errUnfinished}, took: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(time.Minute, cancel)
				started := time.Now()
				err := test.parts.run(ctx, 10*time.Second)
				if took := time.Since(started); took != test.took {
					t.Errorf("took %v, want %v", took, test.took)
				}
				if (err != nil) != (len(test.want) > 0) {
					t.Errorf("got %v, want %v", err, test.want)
				}
				for _, w := range test.want {
					if !errors.Is(err, w) {
						t.Errorf("got %v, want %v", err, w)
					}
				}
				if errors.Is(err, context.Canceled) {
					t.Errorf("an end that was asked for is told as an error: %v", err)
				}
				<-time.After(2 * time.Hour) // for the parts that would not end
			})
		})
	}
}
