package deploytest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

// AttesterBed is an attester under test, and an application it asks.
type AttesterBed struct {
	Attester deploy.Attester
	Name     string // a variable the application attests
	Absent   string // one it does not

	// Hold gives the application one instance for each value, which answer
	// in turn. The attester expects two.
	Hold func(values ...secret.Value)
	// Leave stops the application.
	Leave func()
	// Sent is everything the attester has sent so far.
	Sent func() string
}

// Attester checks that an implementation keeps the contract of
// [deploy.Attester]. open makes a fresh bed for each check; it may register
// clean-ups.
func Attester(t *testing.T, open func(t *testing.T) AttesterBed) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, AttesterBed){
		"all instances hold the new value":       attestsNew,
		"one instance still holds the old value": attestsMixed,
		"all hold the old value":                 attestsOld,
		"one holds neither":                      attestsOther,
		"an old value not given is no old one":   attestsWithoutOld,
		"an unknown name is an error":            attestsAbsent,
		"nobody answers":                         attestsNothing,
		"a call without time is an error":        attestsWithoutTime,
		"neither value is shown or sent":         attestsSilently,
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
}

var (
	newer = secret.New("id-0002:Zs8Qk3Vd6Hn1Wb5Yp9Rt")
	older = secret.New("id-0001:Lc4Xj7Mf2Gu0Ea6Ti8Os")
	third = secret.New("id-0003:Nw5Bv9Kz3Dq7Fh1Jy2Pa")
)

func (b AttesterBed) attest(t *testing.T) deploy.Testimony {
	t.Helper()
	got, err := b.Attester.Attest(t.Context(), b.Name, newer, older)
	if err != nil {
		t.Fatalf("attesting %s: %v", b.Name, err)
	}
	return got
}

// attestsTo checks whether the application is believed to run on the new
// value, and which answers were heard at all.
func (b AttesterBed) attestsTo(t *testing.T, agreed, isNew, isOld, isOther bool) {
	t.Helper()
	got := b.attest(t)
	heard := []bool{got.Agreed, got.New > 0, got.Old > 0, got.Other > 0}
	if diff := cmp.Diff([]bool{agreed, isNew, isOld, isOther}, heard); diff != "" {
		t.Errorf("%+v: agreed, new, old, other (-want +got):\n%s", got, diff)
	}
}

func attestsNew(t *testing.T, b AttesterBed) {
	b.Hold(newer, newer)
	b.attestsTo(t, true, true, false, false)
	if got := b.attest(t); len(got.Instances) != 2 || got.Deployment == "" {
		t.Errorf("heard instances %q of deployment %q, want two of a named one", got.Instances, got.Deployment)
	}
}

func attestsMixed(t *testing.T, b AttesterBed) {
	b.Hold(newer, older)
	b.attestsTo(t, false, true, true, false)
}

func attestsOld(t *testing.T, b AttesterBed) {
	b.Hold(older, older)
	b.attestsTo(t, false, false, true, false)
}

func attestsOther(t *testing.T, b AttesterBed) {
	b.Hold(newer, third)
	b.attestsTo(t, false, true, false, true)
}

func attestsWithoutOld(t *testing.T, b AttesterBed) {
	b.Hold(secret.New(""), secret.New(""))
	got, err := b.Attester.Attest(t.Context(), b.Name, newer, secret.Value{})
	if err != nil || got.Agreed || got.Old > 0 || got.Other == 0 {
		t.Errorf("an application without a value: %+v, %v", got, err)
	}
}

func attestsAbsent(t *testing.T, b AttesterBed) {
	b.Hold(newer, newer)
	got, err := b.Attester.Attest(t.Context(), b.Absent, newer, older)
	b.refused(t, got, err)
}

func attestsNothing(t *testing.T, b AttesterBed) {
	b.Leave()
	got, err := b.Attester.Attest(t.Context(), b.Name, newer, older)
	b.refused(t, got, err)
	if fault.Of(err).Class != fault.Again {
		t.Errorf("an application that does not answer now is not asked again: %v", err)
	}
}

func attestsWithoutTime(t *testing.T, b AttesterBed) {
	b.Hold(newer, newer)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := b.Attester.Attest(ctx, b.Name, newer, older)
	b.refused(t, got, err)
}

func (b AttesterBed) refused(t *testing.T, got deploy.Testimony, err error) {
	t.Helper()
	if err == nil {
		t.Fatalf("answered %+v", got)
	}
	if got.Agreed || got.New > 0 {
		t.Errorf("an error comes with a testimony: %+v", got)
	}
	if fault.Of(err).Reason == fault.Unexplained {
		t.Errorf("the error is not classified: %v", err)
	}
}

func attestsSilently(t *testing.T, b AttesterBed) {
	b.Hold(newer, older)
	got := b.attest(t)
	_, absent := b.Attester.Attest(t.Context(), b.Absent, newer, older)
	b.Leave()
	_, gone := b.Attester.Attest(t.Context(), b.Name, newer, older)
	secrettest.NoLeak(t, []secret.Value{newer, older}, got, absent, gone, b.Sent())
}
