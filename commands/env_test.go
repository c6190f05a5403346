package commands

import (
	"context"
	"errors"
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

// TestCancelCallsOffWhatWaits: cancel NAME calls off the emergency that waits, too, and
// says what became of both.
func TestCancelCallsOffWhatWaits(t *testing.T) {
	waits := []*rotation.Progress{{Batch: &rotation.Batch{Secret: "FAL_KEY", Environment: "staging"}}}
	const off = "The emergency of FAL_KEY in staging that waited is called off. Nothing of it was begun."
	for name, c := range map[string]struct {
		waited []*rotation.Progress
		err    error
		says   []string
		never  string
	}{
		"both":        {waits, nil, []string{"Cancel noted for FAL_KEY", off}, ""},
		"none open":   {waits, &rotation.Refusal{Code: rotation.NoRotation, Sentence: "No rotation of FAL_KEY is open."}, []string{off}, "No rotation"},
		"too late":    {waits, &rotation.Refusal{Code: rotation.NotNow, Sentence: "The end of the old key was already requested."}, []string{off, "goes on: The end of the old key was already requested."}, "Nothing was done"},
		"broken":      {waits, errors.New("down"), []string{off, "could not be cancelled just now"}, "down"},
		"none waits":  {nil, nil, []string{"Cancel noted for FAL_KEY"}, "waited"},
		"none at all": {nil, &rotation.Refusal{Code: rotation.NoRotation, Sentence: "No rotation of FAL_KEY is open."}, []string{"No rotation of FAL_KEY is open."}, "waited"},
	} {
		d := &desk{waited: c.waited, err: c.err}
		reply := New(d, []string{"FAL_KEY"}, nil).Handle(context.Background(), Request{Command: "/rotate", Text: "cancel FAL_KEY", Person: anna, Standing: starter})
		text := reply.Title + " " + reply.Text + " " + strings.Join(append(reply.Paragraphs, reply.Notes...), " ")
		for _, part := range c.says {
			if !strings.Contains(text, part) {
				t.Errorf("%s: %q is not in %s", name, part, text)
			}
		}
		if c.never != "" && strings.Contains(text, c.never) {
			t.Errorf("%s: %s", name, text)
		}
	}
	reply := New(&desk{waited: waits}, []string{"FAL_KEY"}, nil).Handle(context.Background(), Request{Command: "/rotate", Text: "cancel FAL_KEY", Person: anna, Standing: rotation.Standing{Member: true}})
	if !reply.Undone || strings.Contains(reply.Text, "called off") {
		t.Errorf("whoever may not start called it off: %+v", reply)
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
