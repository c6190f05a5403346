package chat

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"rekey/bot/chat/render"
	"rekey/commands"
)

// ask opens the form that a reply wants filled in, while the command's trigger
// lives. Where that is too late, or Slack does not open it, the words say what
// to type instead.
func (c *Chat) ask(ctx context.Context, cmd slack.SlashCommand, came time.Time, reply commands.Reply) error {
	within, cancel := context.WithDeadline(ctx, came.Add(triggerLife))
	defer cancel()
	if cmd.TriggerID == "" || within.Err() != nil {
		return c.show(ctx, cmd.ResponseURL, reply)
	}
	if err := c.api.open(within, cmd.TriggerID, render.FormModal(*reply.Form)); err != nil {
		return errors.Join(err, c.show(ctx, cmd.ResponseURL, reply))
	}
	return nil
}

// filled takes a form: the line is complete now, and is read and authorised as
// if it had been typed. Nothing was done before the acknowledgement. There is no
// response URL to answer through, so what was refused is whispered.
func (c *Chat) filled(_ context.Context, s submission) (map[string]string, later, error) {
	words := strings.TrimSpace(s.values[render.ReasonBlock])
	switch {
	case commands.KeyShaped(words):
		c.config.Log.Warn("a reason held something that looks like a secret value; it was refused", "user", s.user)
		return map[string]string{render.ReasonBlock: leakedWords}, nil, nil
	case commands.KeyShaped(s.values[render.SinceBlock]):
		c.config.Log.Warn("a moment looked like a secret value; it was refused", "user", s.user)
		return map[string]string{render.SinceBlock: leakedWords}, nil, nil
	case words == "":
		return map[string]string{render.ReasonBlock: "Say in a few words what happened: approvers decide by it."}, nil, nil
	}
	since := strings.TrimSpace(s.values[render.SinceBlock])
	if since != "" {
		at, why := commands.Since(since, time.Now())
		if why != "" {
			return map[string]string{render.SinceBlock: why}, nil, nil
		}
		since = at.UTC().Format(time.RFC3339) // what is a while ago now is meant
	}
	first := slices.Contains(s.ticked, render.FirstBlock+"/"+render.FirstBox)
	line := commands.Form{Line: s.private}.With(first, since, words)
	return nil, func(ctx context.Context) error {
		reply := c.reply(ctx, s.user, c.people.look, commands.Request{Command: commands.EmergencyCommand, Text: line})
		if reply.Err != nil {
			c.config.Log.Warn("a form was not carried out", "user", s.user, "error", reply.Err)
		}
		return c.api.whisper(ctx, c.config.Channel, "", s.user, reply.Title+". "+reply.Text)
	}, nil
}
