package chat

import (
	"context"
	"fmt"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// How many commands may wait: to be acknowledged, which takes moments, and to
// be answered.
const (
	atDoor = 1024
	atDesk = 256
)

// What a person sees at once.
const (
	lookingText = "Looking at that …"
	leavingText = "Rekey is ending or starting again. Your command was not carried out and nothing was changed by it. Type it again in a minute."
	crowdedText = "Rekey has more commands to answer than it can take right now. Yours was not carried out and nothing was changed. Type it again in a minute."
)

// door takes commands in. Slack waits three seconds for an acknowledgement and
// then shows the person a failure, so acknowledging waits for nothing that
// answering needs: one goroutine does only that, and says at once when there
// are too many to answer.
type door struct {
	*Chat
	sm   *socketmode.Client
	bell chan socketmode.Event   // arrived
	desk chan slack.SlashCommand // acknowledged
}

func (c *Chat) newDoor(sm *socketmode.Client) *door {
	return &door{Chat: c, sm: sm, bell: make(chan socketmode.Event, atDoor), desk: make(chan slack.SlashCommand, atDesk)}
}

// keep acknowledges what arrives until the bell is closed.
func (d *door) keep(ctx context.Context) {
	defer close(d.desk)
	for event := range d.bell {
		if cmd, ok := event.Data.(slack.SlashCommand); ok {
			d.admit(ctx, event.Request.EnvelopeID, cmd)
		}
	}
}

// admit acknowledges one command and has it answered where there is a place.
func (d *door) admit(ctx context.Context, envelope string, cmd slack.SlashCommand) {
	text, free := lookingText, len(d.desk) < cap(d.desk) // it can only become emptier: nobody else fills it
	if !free {
		text = crowdedText
	}
	if err := d.ack(ctx, envelope, text); err != nil {
		if ctx.Err() == nil {
			d.config.Log.Warn("acknowledging a command; the person sees that it failed", "error", err)
		}
		return // it is not carried out either
	}
	if !free {
		d.config.Log.Error("a command was refused: too many wait to be answered", "waiting", cap(d.desk))
		return
	}
	d.desk <- cmd
}

func (d *door) ack(ctx context.Context, envelope, text string) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	if err := d.sm.AckCtx(ctx, envelope, map[string]string{"response_type": "ephemeral", "text": text}); err != nil {
		return fmt.Errorf("acknowledging a command: %w", err)
	}
	return nil
}

// answer answers commands until the desk is closed and empty. Those that still
// wait when Rekey ends are told so: each saw that it was taken.
func (d *door) answer(ctx context.Context) {
	for cmd := range d.desk {
		if ctx.Err() != nil {
			d.turnAway(ctx, cmd)
			continue
		}
		d.guard("command", func() {
			if err := d.slash(ctx, cmd); err != nil && ctx.Err() == nil {
				d.config.Log.Warn("answering a command", "error", err)
			}
		})
	}
}

func (d *door) turnAway(ctx context.Context, cmd slack.SlashCommand) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	if err := d.respond(ctx, cmd.ResponseURL, plain(leavingText)); err != nil {
		d.config.Log.Warn("a command that was taken was neither carried out nor answered", "error", err)
	}
}
