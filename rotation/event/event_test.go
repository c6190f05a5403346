package event

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStoredFormIsStable(t *testing.T) {
	e := Event{At: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC), Kind: Approved, Card: 2, By: "T1/U2", Path: "emoji", Facts: map[string]string{"k": "v"}}
	body, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"v":1,"at":"2026-11-23T03:00:00Z","kind":"approved","by":"T1/U2","path":"emoji","card":2,"facts":{"k":"v"}}`
	if string(body) != want {
		t.Errorf("stored form:\n%s\nwant:\n%s", body, want)
	}
	got, err := Decode(7, body)
	if err != nil {
		t.Fatal(err)
	}
	e.Seq, e.V = 7, Version
	if diff := cmp.Diff(e, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, body := range map[string]string{
		"nothing": "", "no JSON": "<html>", "no version": `{"kind":"done"}`, "a later version": `{"v":2,"kind":"done"}`, "no kind": `{"v":1}`,
	} {
		if _, err := Decode(3, []byte(body)); err == nil || !strings.Contains(err.Error(), "event 3") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatPeopleSee(t *testing.T) {
	for _, c := range []struct {
		e      Event
		posted bool
		urgent bool
	}{
		{Event{Kind: Intent, Text: "x"}, false, false},
		{Event{Kind: Done}, false, false},
		{Event{Kind: Done, Text: "x"}, true, false},
		{Event{Kind: Retrying}, false, false},
		{Event{Kind: Card}, true, true},
		{Event{Kind: Stopped, Text: "x"}, true, true},
		{Event{Kind: Reported}, true, false},
		{Event{Kind: Digest}, true, false},
		{Event{Kind: Snoozed}, false, false},
		{Event{Kind: Unsnoozed}, false, false},
	} {
		if c.e.Posted() != c.posted || c.e.Urgent() != c.urgent {
			t.Errorf("%+v: posted %t, urgent %t", c.e, c.e.Posted(), c.e.Urgent())
		}
	}
}
