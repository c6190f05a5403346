package chat

import (
	"strings"
	"testing"
	"time"

	"rekey/bot/chat/render"
	"rekey/commands"
	"rekey/rotation"
)

// TestOtherEnvironmentByButton: a press is the line that a person would type, with the
// reason of the emergency that it stands beside; what offers nothing any more does nothing.
func TestOtherEnvironmentByButton(t *testing.T) {
	since := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		change func(*rotation.Rotation)
		line   string // "" is refused
	}{
		"production leaked": {func(*rotation.Rotation) {}, "FAL_KEY --env staging it is on github"},
		"staging leaked": {func(r *rotation.Rotation) {
			r.Cell.OnlyStaging, r.Places = true, map[string]rotation.Place{rotation.Staging: {}}
		}, "FAL_KEY --env production it is on github"},
		"since":   {func(r *rotation.Rotation) { r.Exposed = since }, "FAL_KEY --env staging --since 2026-11-20T08:00:00Z it is on github"},
		"shared":  {func(r *rotation.Rotation) { r.Cell.Shared = true }, ""},
		"a drill": {func(r *rotation.Rotation) { r.Drill = true }, ""},
		"long over": {func(r *rotation.Rotation) {
			r.State, r.Ended = rotation.Succeeded, time.Now().Add(-48*time.Hour)
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLive(t)
			l.engine.set(key, func(r *rotation.Rotation) {
				r.Secret, r.Reason = "FAL_KEY", "it is on github"
				r.Cell = rotation.Cell{Mode: rotation.Emergency}
				r.Places = map[string]rotation.Place{rotation.Production: {}}
				c.change(r)
			})
			l.echo.came = make(chan struct{}, 1)
			l.run(t)
			payload := clickOn(l, "U0ANNA", render.ControlID(render.Other), "1.1")
			payload["actions"].([]any)[0].(map[string]any)["value"] = key
			l.line.send(t, "e1", "interactive", payload)
			l.slack.await(t, "answered", func() bool { return len(l.slack.answers) == 1 })
			l.echo.mu.Lock()
			defer l.echo.mu.Unlock()
			switch {
			case c.line == "" && (len(l.echo.got) > 0 || !strings.Contains(l.slack.answers[0], "Nothing was done")):
				t.Errorf("%+v, %s", l.echo.got, l.slack.answers[0])
			case c.line != "" && (len(l.echo.got) != 1 || l.echo.got[0].Text != c.line || l.echo.got[0].Command != commands.EmergencyCommand || !strings.HasSuffix(l.echo.got[0].Person.ID, "U0ANNA")):
				t.Errorf("%+v", l.echo.got)
			}
		})
	}
}
