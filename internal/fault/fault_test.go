package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"rekey/internal/fault"
)

func TestZeroClassAsks(t *testing.T) {
	var e fault.Error
	if e.Class != fault.Ask {
		t.Error("a failure nobody classified does not ask a person")
	}
}

func TestErrorText(t *testing.T) {
	for want, e := range map[string]*fault.Error{
		"listing keys: unreachable": {Op: "listing keys", Reason: fault.Unreachable},
		"listing keys: rate_limited (status 429): page 2: EOF": {
			Op: "listing keys", Reason: fault.RateLimited, Status: 429, Detail: "page 2", Err: io.EOF},
		"reading the key: managed: imported": fault.New("reading the key", fault.Managed, "imported"),
	} {
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestOfFindsTheOutermost(t *testing.T) {
	inner := &fault.Error{Op: "inner", Class: fault.Again, Reason: fault.TimedOut, Err: io.EOF}
	outer := &fault.Error{Op: "outer", Class: fault.Lost, Reason: fault.Garbled, Err: inner}
	for name, c := range map[string]struct {
		err  error
		want *fault.Error
	}{
		"wrapped":  {fmt.Errorf("step 3: %w", inner), inner},
		"joined":   {errors.Join(io.EOF, inner), inner},
		"in a row": {outer, outer},
	} {
		if got := fault.Of(c.err); got != c.want {
			t.Errorf("%s: found %v", name, got)
		}
	}
	if !errors.Is(outer, io.EOF) {
		t.Error("the cause is not in the chain")
	}
}

func TestOfUnclassifiedAsks(t *testing.T) {
	got := fault.Of(io.EOF)
	if got.Class != fault.Ask || got.Reason != fault.Unexplained || !errors.Is(got, io.EOF) {
		t.Errorf("got %+v", got)
	}
	if fault.Of(nil) != nil {
		t.Error("no error became a failure")
	}
}

func TestIs(t *testing.T) {
	err := fmt.Errorf("step 3: %w", fault.New("reading", fault.Managed, ""))
	if !fault.Is(err, fault.Managed) || fault.Is(err, fault.NotFound) || fault.Is(io.EOF, fault.Managed) || fault.Is(nil, fault.Managed) {
		t.Error("Is does not look at the reason")
	}
}

func TestClassNames(t *testing.T) {
	for class, want := range map[fault.Class]string{
		fault.Ask: "ask", fault.Again: "again", fault.Lost: "lost", fault.Never: "never", fault.Class(99): "ask",
	} {
		if class.String() != want {
			t.Errorf("class %d is %q, want %q", class, class, want)
		}
	}
}
