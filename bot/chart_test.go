//go:build !release

package main

import (
	"bytes"
	"image/png"
	"io"
	"slices"
	"strings"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/wire"
)

// charts are the messages with a picture.
func charts(now slack.Snapshot) []slack.Message {
	return slices.DeleteFunc(slices.Clone(now.Messages[sandbox.Channel]), func(m slack.Message) bool { return len(m.Files) == 0 })
}

// position is where the first message with a text stands in the channel.
func position(now slack.Snapshot, text string) int {
	return slices.IndexFunc(now.Messages[sandbox.Channel], func(m slack.Message) bool { return strings.Contains(m.Text, text) })
}

// TestEachWatchIsToldAndDrawn: a message that was edited while the watch ran,
// a line with figures, and a chart; of the first chart the answer is lost after
// it was shown, and the copy says so.
func TestEachWatchIsToldAndDrawn(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	const complete = "/api/files.completeUploadExternal"
	s.slack.Faults.Inject("complete", wire.Fault{Match: wire.Match{Path: complete}, Limit: 1, Do: wire.Lose()})
	s.slack.Faults.Inject("bytes", wire.Fault{Match: wire.Match{Path: "/upload/*"}, Skip: 2, Limit: 1, Do: wire.Drop()})
	card := s.asked()
	s.react(sandbox.Approver, card, yes)
	s.finishes(sandbox.Approver)
	s.until("all charts are there", func(now slack.Snapshot) bool { return len(charts(now)) >= 3 })
	now := s.slack.Snapshot()
	all := charts(now)
	root := position(now, "FAL_KEY is rotated")
	for i, m := range all {
		f := m.Files[0]
		file, ok := s.slack.File(f.ID)
		if picture, err := png.DecodeConfig(bytes.NewReader(file.Bytes())); !ok || err != nil || picture.Width < 1000 {
			t.Errorf("chart %d: %+v, %v", i, picture, err)
		}
		if m.Thread != now.Messages[sandbox.Channel][root].TS || !strings.Contains(f.AltText, "passed") || !strings.Contains(f.AltText, "looks were good") {
			t.Errorf("chart %d in thread %s: %s", i, m.Thread, f.AltText)
		}
		if copied(m) != (i == 1) {
			t.Errorf("chart %d says %q", i, m.Text)
		}
	}
	if len(all) != 3 || all[0].Files[0].Name != all[1].Files[0].Name || all[1].Files[0].Name == all[2].Files[0].Name {
		t.Errorf("%d charts", len(all))
	}
	for _, text := range []string{"*Watch of production ended: passed,*", "*Watch of production after the end of the old key ended: passed,*"} {
		at := position(now, text)
		if at < 0 || now.Messages[sandbox.Channel][at].Edits == 0 {
			t.Errorf("no watch's message says %q", text)
		}
	}
}

// TestWatchWithoutFiles: an app without the scope, or a workspace without
// uploads, has the same rotation and no chart.
func TestWatchWithoutFiles(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	s.slack.Refuse("files.getUploadURLExternal", 0, "missing_scope")
	s.react(sandbox.Approver, s.asked(), yes)
	s.finishes(sandbox.Approver)
	said, err := io.ReadAll(s.bot.output())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(said), "chart is left out of the thread"); n != 2 {
		t.Errorf("the log tells of %d charts that are left out", n)
	}
	if n := len(charts(s.slack.Snapshot())); n != 0 {
		t.Errorf("%d charts", n)
	}
}
