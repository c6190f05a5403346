package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"slices"
	"sync"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

// fatalCodes are Slack's answers that no waiting heals: the token is dead, or
// of the wrong kind, or lacks what the socket needs.
var fatalCodes = []string{
	"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired",
	"not_allowed_token_type", "missing_scope", "no_permission", "missing_args", "app_uninstalled",
}

// fatalError stops the chat.
type fatalError struct{ code string }

func (e *fatalError) Error() string {
	return "connecting to Slack: " + e.code + ": the app-level token needs the scope connections:write and Socket Mode switched on; the bot token must belong to the installed app"
}

// largestEnvelope bounds a message on the socket, in bytes.
const largestEnvelope = 4 << 20

// listen keeps a socket open until ctx ends or Slack refuses us for good.
func (c *Chat) listen(ctx context.Context) error {
	defer c.connected.Store(false)
	if err := c.introduce(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		err := c.connection(ctx)
		var fatal *fatalError
		if errors.As(err, &fatal) {
			return err
		}
		if ctx.Err() == nil {
			wait := c.times.failed("socket", 0)
			c.config.Log.Warn("the socket loop ended; starting it again", "pause", wait, "error", c.api.bare(err))
			sleep(ctx, wait)
		}
	}
	return ctx.Err()
}

// introduce asks who we are, so that a dead bot token is told at start-up and
// not in the middle of an approval.
func (c *Chat) introduce(ctx context.Context) error {
	for ctx.Err() == nil {
		_, err := c.people.whoami(ctx)
		if err == nil {
			c.times.done("introduce")
			return nil
		}
		if code := codeOf(err); slices.Contains(fatalCodes, code) {
			return fmt.Errorf("asking who we are: %w", &fatalError{code})
		}
		wait := c.times.failed("introduce", 0)
		c.config.Log.Warn("Slack does not answer; trying again", "pause", wait, "error", err)
		sleep(ctx, wait)
	}
	return ctx.Err()
}

// connection runs one socketmode client, which reconnects by itself, until it
// gives up.
func (c *Chat) connection(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	sm := socketmode.New(c.api.client, socketmode.OptionReadLimit(largestEnvelope), socketmode.OptionLog(log.New(io.Discard, "", 0)))
	jobs, door := make(chan socketmode.Event, 4*c.config.Workers), c.newDoor(sm)
	var crew sync.WaitGroup
	for range c.config.Workers {
		crew.Go(func() { door.answer(ctx) })
		crew.Go(func() {
			for event := range jobs {
				c.guard(string(event.Type), func() { c.handle(ctx, sm, event) })
			}
		})
	}
	crew.Go(func() { door.keep(ctx) })
	crew.Go(func() {
		defer close(door.bell)
		defer close(jobs)
		c.drain(ctx, sm, jobs, door.bell, stop)
	})
	err := sm.RunContext(ctx)
	c.connected.Store(false)
	if code := wordOf(err); slices.Contains(fatalCodes, code) {
		stop(&fatalError{code})
	}
	stop(err)
	crew.Wait()
	var fatal *fatalError
	if errors.As(context.Cause(ctx), &fatal) {
		return fatal
	}
	return err
}

// drain reads events and does nothing else: a reader that waits loses the
// connection. Commands go to the door. What there is no room for stays
// unacknowledged.
func (c *Chat) drain(ctx context.Context, sm *socketmode.Client, jobs, bell chan<- socketmode.Event, stop context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case event := <-sm.Events:
			if c.note(event, stop) {
				continue
			}
			to := jobs
			if event.Type == socketmode.EventTypeSlashCommand {
				to = bell
			}
			select {
			case to <- event:
			default:
				n := c.dropped.Add(1)
				c.config.Log.Error("an envelope was left to be sent again: every worker is busy", "type", string(event.Type), "dropped", n)
			}
		}
	}
}

// note takes the events about the connection itself, and reports whether it
// was one of them.
func (c *Chat) note(event socketmode.Event, stop context.CancelCauseFunc) bool {
	switch event.Type {
	case socketmode.EventTypeConnecting, socketmode.EventTypeHello, socketmode.EventTypeDisconnect:
	case socketmode.EventTypeConnected:
		c.connected.Store(true)
		c.times.done("socket")
		c.config.Log.Info("connected to Slack")
		kick(c.polls)
		kick(c.posts)
		kick(c.looks)
	case socketmode.EventTypeIncomingError: // also how an ordinary refresh of the connection shows
		c.connected.Store(false)
	case socketmode.EventTypeInvalidAuth:
		stop(&fatalError{"invalid_auth"})
	case socketmode.EventTypeConnectionError:
		c.connected.Store(false)
		c.noteConnectionError(event, stop)
	default:
		return false
	}
	return true
}

func (c *Chat) noteConnectionError(event socketmode.Event, stop context.CancelCauseFunc) {
	failure, ok := event.Data.(*slack.ConnectionErrorEvent)
	if !ok {
		return
	}
	if code := wordOf(failure.ErrorObj); slices.Contains(fatalCodes, code) {
		stop(&fatalError{code})
		return
	}
	c.config.Log.Warn("connecting to Slack; trying again", "attempt", failure.Attempt, "pause", failure.Backoff, "error", c.api.bare(failure.ErrorObj))
}

// wordOf returns Slack's error word of an answer slack-go itself asked for.
func wordOf(err error) string {
	var said slack.SlackErrorResponse
	if errors.As(err, &said) {
		return said.Err
	}
	return ""
}

// guard keeps a panic in one handler from ending the process. An event that was
// not acknowledged by then comes again.
func (c *Chat) guard(what string, handle func()) {
	defer func() {
		if p := recover(); p != nil {
			c.config.Log.Error("handling an envelope panicked", "type", what, "panic", fmt.Sprintf("%T", p))
		}
	}()
	handle()
}

// resend repeats an acknowledgement whose writing failed; it goes out on the
// next connection, where it does no harm if it is late.
func resend(ctx context.Context, sm *socketmode.Client, event socketmode.Event) error {
	failed, ok := event.Data.(*socketmode.ErrorWriteFailed)
	if !ok || failed.Response == nil {
		return nil
	}
	return sm.SendCtx(ctx, socketmode.Response{EnvelopeID: failed.Response.EnvelopeID, Payload: failed.Response.Payload})
}

// ackUnknown acknowledges what slack-go could not decode, so that Slack does
// not send it for hours. Nothing of the message is logged: it may hold text
// somebody typed.
func ackUnknown(ctx context.Context, sm *socketmode.Client, event socketmode.Event) error {
	bad, ok := event.Data.(*socketmode.ErrorBadMessage)
	if !ok {
		return nil
	}
	var envelope struct {
		ID string `json:"envelope_id"`
	}
	if err := json.Unmarshal(bad.Message, &envelope); err != nil || envelope.ID == "" {
		return nil
	}
	return sm.SendCtx(ctx, socketmode.Response{EnvelopeID: envelope.ID})
}
