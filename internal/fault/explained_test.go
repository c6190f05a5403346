package fault_test

import (
	"errors"
	"testing"

	"rekey/internal/fault"
)

func TestExplained(t *testing.T) {
	bare := &fault.Error{Op: "listing", Class: fault.Ask, Reason: fault.Forbidden, Status: 403}
	err := fault.Explained(bare, "it needs more", fault.Unauthorized, fault.Forbidden)
	if f := fault.Of(err); f.Detail != "it needs more" || f.Status != 403 || f.Class != fault.Ask || f.Op != "listing" {
		t.Errorf("%+v", f)
	}
	if bare.Detail != "" {
		t.Error("the failure of another was changed")
	}
	lost := &fault.Error{Op: "resetting", Class: fault.Lost, Reason: fault.Unreachable}
	if f := fault.Of(fault.Settled(lost, "it is read")); f.Detail != "it is read" || f.Class != fault.Lost {
		t.Errorf("%+v", f)
	}
	if err := fault.Settled(bare, "it is read"); !errors.Is(err, bare) || fault.Of(err).Detail != "" {
		t.Errorf("nothing was lost: %v", err)
	}
	known := fault.New("listing", fault.Forbidden, "known already")
	other := fault.New("listing", fault.RateLimited, "")
	foreign := &fault.Error{Op: "listing", Reason: fault.Forbidden, Foreign: true}
	for _, same := range []error{nil, known, other, errors.New("of nobody's"), foreign} {
		if got := fault.Explained(same, "it needs more", fault.Forbidden); !errors.Is(got, same) {
			t.Errorf("%v became %v", same, got)
		}
	}
}
