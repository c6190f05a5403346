package commands

import (
	"context"
	"strings"
	"testing"

	"rekey/rotation"
)

// TestTheOtherEnvironmentWaits: an emergency that comes while that of the other
// environment is open is not refused; it waits, unless it is one that asks anew.
func TestTheOtherEnvironmentWaits(t *testing.T) {
	open := func(only bool) error {
		env := rotation.Production
		if only {
			env = rotation.Staging
		}
		r := &rotation.Rotation{Secret: "FAL_KEY", Cell: rotation.Cell{Mode: rotation.Emergency, OnlyStaging: only}, Places: map[string]rotation.Place{env: {}}}
		return &rotation.Refusal{Code: rotation.AlreadyRunning, Other: r, Sentence: "It is open already."}
	}
	for text, c := range map[string]struct {
		only  bool
		waits string
	}{
		"FAL_KEY --env staging it leaked":                {false, "staging"},
		"FAL_KEY --env production it leaked":             {true, "production"},
		"FAL_KEY it leaked":                              {true, "production"},
		"FAL_KEY --env staging again":                    {true, ""},
		"FAL_KEY again":                                  {false, ""},
		"FAL_KEY --env staging --revoke-first it leaked": {false, ""},
	} {
		d := &waiting{desk: desk{err: open(c.only)}}
		reply := New(d, []string{"FAL_KEY"}, nil).Handle(context.Background(), Request{Command: EmergencyCommand, Text: text, Person: anna, Standing: starter})
		if d.alarm.Environment != c.waits || (c.waits != "") != strings.HasSuffix(reply.Title, "waits") {
			t.Errorf("%q: %+v, %+v", text, d.alarm, reply)
		}
		if c.waits != "" && (d.alarm.Secret != "FAL_KEY" || d.alarm.Reason != "it leaked" || d.alarm.Requester != anna) {
			t.Errorf("%q: %+v", text, d.alarm)
		}
	}
}

// waiting is a desk where something is open, and which takes what waits for it.
type waiting struct {
	desk
	alarm rotation.Alarm
}

func (w *waiting) StartBatch(_ context.Context, a rotation.Alarm) (*rotation.Batch, error) {
	w.alarm = a
	return &rotation.Batch{Secret: a.Secret, Environment: a.Environment}, nil
}
