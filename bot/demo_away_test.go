//go:build !release

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
	"rekey/rotation"
)

// TestDemoSlackDown plays the command line's story: the bot loses a Slack that it
// had, two people contain the key by signature, and the thread catches up.
func TestDemoSlackDown(t *testing.T) {
	t.Parallel()
	keygen(t)
	r, err := play(t, sandboxOptions{adjust: calm()}, script{emergency: true, away: true})
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() || r.By != "command line" || !r.DeadWhileDown || !r.ThreadCaughtUp || !r.Contained || r.ApprovedBy != "T0SANDBOX/U0BEN" {
		t.Errorf("it ended badly: %+v, %+v, %+v, broken: %v", r, r.absence, r.containment, r.broken)
	}
}

// TestAwayIsHeld: what the world saw of an outage is held against what the record
// says, and a key that outlived it is no good end.
func TestAwayIsHeld(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 11, 25, 12, 0, s, 0, time.UTC) }
	ann := rotation.Person{ID: "T0SANDBOX/U0ANN", Name: "ann", Key: "SHA256:a"}
	ben := rotation.Person{ID: "T0SANDBOX/U0BEN", Name: "ben", Key: "SHA256:b"}
	for name, c := range map[string]struct {
		by      rotation.Person
		path    string
		dead    int
		through int
		good    bool
	}{
		"as it should be":      {by: ben, path: "command line", dead: 15, good: true},
		"in Slack":             {by: ben, path: "emoji", dead: 15},
		"by whoever asked":     {by: ann, path: "command line", dead: 15},
		"with another's key":   {by: rotation.Person{ID: ben.ID, Name: "ben", Key: ann.Key}, path: "command line", dead: 15},
		"before the yes":       {by: ben, path: "command line", dead: 11},
		"after Slack was back": {by: ben, path: "command line", dead: 25},
		"never":                {by: ben, path: "command line"},
		"what came through":    {by: ben, path: "command line", dead: 15, through: 1},
	} {
		d := &demo{theatre: &theatre{box: &box{world: &sandbox.World{Slack: slack.New(slack.Config{})}, line: &terminal{keys: map[string]sandbox.SSHKey{"ben": {Fingerprint: ben.Key}}}}}}
		d.play.secret = "FAL_KEY"
		d.box.world.Slack.AddChannel(slack.Channel{ID: sandbox.Channel})
		d.box.world.Slack.AddUser(slack.User{ID: sandbox.Approver, Name: "ben"})
		if _, err := d.box.world.Slack.Say(sandbox.Approver, sandbox.Channel, "", "Emergency · FAL_KEY is rotated."); err != nil {
			t.Fatal(err)
		}
		d.box.line.said.note("Slack is not reached at the moment.")
		d.outage = outage{from: at(10), signed: at(12), to: at(20), through: c.through, wanted: map[int]string{}}
		if c.dead > 0 {
			d.coroner.look(true, at(c.dead))
		}
		record := &rotation.Rotation{Requester: ann, Card: &rotation.Card{Approved: []rotation.Vote{{Person: c.by, Path: c.path}}}}
		if a, broken := d.missed(record), d.unsigned(record); (a.good() && len(broken) == 0) != c.good {
			t.Errorf("%s: %+v, broken: %v", name, a, broken)
		}
		d.box.world.Slack.Close()
	}
}

// TestThreadIsHeld: an entry that is told twice, late or never is found.
func TestThreadIsHeld(t *testing.T) {
	told := func(first, last int, text string) slack.Message {
		body, err := json.Marshal(map[string]any{"event_payload": map[string]string{"first": fmt.Sprint(first), "seq": fmt.Sprint(last)}})
		if err != nil {
			t.Fatal(err)
		}
		return slack.Message{Thread: "1", Text: text, Metadata: body}
	}
	wanted := map[int]string{2: "a", 3: "b", 5: "c"}
	for name, c := range map[string]struct {
		thread []slack.Message
		wrong  string
	}{
		"whole":            {thread: []slack.Message{told(2, 3, ""), told(5, 5, "")}},
		"never":            {thread: []slack.Message{told(2, 3, "")}, wrong: "does not tell entry 5: c"},
		"twice":            {thread: []slack.Message{told(2, 3, ""), told(3, 5, "")}, wrong: "tells entry 3 twice"},
		"twice, and so":    {thread: []slack.Message{told(2, 3, ""), told(3, 5, "posted again after a lost answer")}},
		"late":             {thread: []slack.Message{told(5, 5, ""), told(2, 3, "")}, wrong: "tells entry 3 after entry 5"},
		"not of a journal": {thread: []slack.Message{told(2, 5, ""), {Thread: "1"}}},
		"unreadable":       {thread: []slack.Message{told(2, 5, ""), {Thread: "1", Metadata: []byte("{}")}}, wrong: "metadata {}"},
	} {
		wrong := strings.Join(append(untold(c.thread, wanted), disordered(c.thread)...), "\n")
		if (wrong == "") != (c.wrong == "") || !strings.Contains(wrong, c.wrong) {
			t.Errorf("%s: %q, want %q", name, wrong, c.wrong)
		}
	}
}

// TestManualOfTheLine: what is printed can be typed as it is.
func TestManualOfTheLine(t *testing.T) {
	l, err := newTerminal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	said := l.manual()
	for _, want := range []string{"export REKEY_TO=" + l.at() + " REKEY_INSTALLATION=sandbox", " emergency FAL_KEY it is on github --key " + l.keys["ann"].File, " approve FAL_KEY --key " + l.keys["ben"].File} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in:\n%s", want, said)
		}
	}
	if none := (*terminal)(nil).manual(); none != "" {
		t.Errorf("without a socket it says %q", none)
	}
}
