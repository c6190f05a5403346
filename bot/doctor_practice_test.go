package main

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"rekey/internal/finding"
)

// slowDoctor looks until it is let go.
type slowDoctor struct {
	looks atomic.Int32
	let   chan struct{}
}

func (d *slowDoctor) Examine(ctx context.Context) []finding.Finding {
	d.looks.Add(1)
	<-d.let
	if ctx.Err() != nil {
		return nil
	}
	return []finding.Finding{finding.Good("Redis", "As it must be.")}
}

// TestOneExaminationAtATime: many who ask cost one look. The first going away
// takes nothing from the others, and a later one is told of a fresh look.
func TestOneExaminationAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &slowDoctor{let: make(chan struct{})}
		p := &practice{doctor: d}
		ask := func(ctx context.Context) <-chan []finding.Finding {
			told := make(chan []finding.Finding, 1)
			go func() { told <- p.Examine(ctx) }()
			synctest.Wait()
			return told
		}
		hurried, leave := context.WithCancel(t.Context())
		first, second, third := ask(hurried), ask(t.Context()), ask(t.Context())
		leave()
		if found := <-first; len(found) != 1 || found[0].Verdict != finding.Unclear || found[0].Do == "" {
			t.Errorf("whoever went away: %+v", found)
		}
		close(d.let)
		for _, told := range []<-chan []finding.Finding{second, third} {
			if found := <-told; len(found) != 1 || found[0].Verdict != finding.OK {
				t.Errorf("%+v", found)
			}
		}
		if n := d.looks.Load(); n != 1 {
			t.Errorf("%d looks", n)
		}
		if found := <-ask(t.Context()); len(found) != 1 || d.looks.Load() != 2 {
			t.Errorf("a later one: %+v, %d looks", found, d.looks.Load())
		}
	})
}
