package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// What a person can be refused.
var (
	// ErrNobody: no such user, or deactivated.
	ErrNobody = errors.New("user cannot act")
	// ErrNoChannel: no such channel.
	ErrNoChannel = errors.New("no such channel")
	// ErrNoCommand: the app has not registered the command.
	ErrNoCommand = errors.New("not a valid command")
	// ErrOutsider: slash commands are for members of the workspace only.
	ErrOutsider = errors.New("not a member of the workspace")
	// ErrNoMessage: the message is not there, or not for this person.
	ErrNoMessage = errors.New("no such message")
	// ErrNoAction: the message has no such button or choice.
	ErrNoAction = errors.New("no such action")
	// ErrBadAnswer: the app acknowledged with something Slack does not show.
	ErrBadAnswer = errors.New("invalid_command_response")
)

// Reply is what came back with the acknowledgement.
type Reply struct {
	Message Message       // what the person sees; no TS if nothing
	Took    time.Duration // until the acknowledgement
}

// SlashCommand types a command into a channel and waits for the acknowledgement.
// What the app posts through the response_url appears later, among
// [Server.Ephemerals] or [Server.Messages]. ErrOperationTimeout and
// ErrNotConnected are what the person sees in red.
func (s *Server) SlashCommand(ctx context.Context, user, channel, command, text string) (Reply, error) {
	payload, from, err := s.slashPayload(user, channel, command, text)
	if err != nil {
		return Reply{}, fmt.Errorf("typing %s: %w", command, err)
	}
	answer, took, err := s.ask(ctx, kindSlash, payload)
	if err != nil {
		return Reply{}, fmt.Errorf("typing %s: %w", command, err)
	}
	m, err := s.showAnswer(from, answer, command+" "+text)
	if err != nil {
		return Reply{}, fmt.Errorf("reading the answer to %s: %w", command, err)
	}
	return Reply{Message: m, Took: took}, nil
}

// slashPayload checks that the person may do this.
// https://docs.slack.dev/interactivity/implementing-slash-commands
func (s *Server) slashPayload(user, channel, command, text string) (fields, origin, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ch, err := s.actorLocked(user, channel)
	switch {
	case err != nil:
		return nil, origin{}, err
	case u.Stranger || u.TeamID != s.cfg.TeamID:
		return nil, origin{}, ErrOutsider
	case !slices.Contains(s.cfg.Commands, command) || s.scopeLocked("commands") != nil:
		return nil, origin{}, ErrNoCommand
	}
	from := origin{channel: ch.ID, user: u.ID}
	return fields{
		"token": "sandbox", "team_id": s.cfg.TeamID, "team_domain": s.cfg.TeamDomain,
		"channel_id": ch.ID, "channel_name": ch.Name, "user_id": u.ID, "user_name": u.Name,
		"command": command, "text": text, "api_app_id": s.cfg.AppID, "is_enterprise_install": false,
		"response_url": s.responseURLLocked(from), "trigger_id": s.triggerLocked(from),
	}, from, nil
}

func (s *Server) responseURLLocked(from origin) string {
	return s.base + "/response/" + s.issueLocked(pass{kind: passResponse, uses: s.lim.ResponseUses, from: from}, s.lim.ResponseURL)
}

func (s *Server) triggerLocked(from origin) string {
	return s.issueLocked(pass{kind: passTrigger, uses: 1, from: from}, s.lim.Trigger)
}

// showAnswer shows the payload of an acknowledgement. One for everybody shows
// the typed command to everybody first.
func (s *Server) showAnswer(from origin, payload json.RawMessage, typed string) (Message, error) {
	var a response
	if len(payload) == 0 {
		return Message{}, nil
	}
	if err := json.Unmarshal(payload, &a); err != nil {
		return Message{}, ErrBadAnswer
	}
	if a.Text == "" && noBlocks(a.Blocks) {
		return Message{}, nil
	}
	if err := a.check(); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrBadAnswer, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.inChannel {
		s.postLocked(Message{Channel: from.channel, User: from.user, Text: typed})
	}
	return s.showLocked(from, a, ViaAck), nil
}

// React puts an emoji on a message, as the name without colons. Anyone may,
// guests and people from another company as well; the error of a second time is
// a [Refusal] already_reacted.
func (s *Server) React(user, channel, ts, name string) error {
	return s.emoji(user, channel, ts, name, s.reactLocked)
}

// Unreact takes an emoji off a message; no_reaction if it is not there.
func (s *Server) Unreact(user, channel, ts, name string) error {
	return s.emoji(user, channel, ts, name, s.unreactLocked)
}

func (s *Server) emoji(user, channel, ts, name string, act func(Message, string, string) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, _, err := s.actorLocked(user, channel); err != nil {
		return err
	}
	m, ok := s.findLocked(channel, ts)
	switch {
	case !ok:
		return ErrNoMessage
	case !emojiName.MatchString(name):
		return refuse("invalid_name")
	}
	return act(m, user, name)
}

func (s *Server) actorLocked(user, channel string) (User, Channel, error) {
	u, ok := s.users[user]
	if !ok || u.Deleted {
		return u, Channel{}, ErrNobody
	}
	ch, ok := s.channels[channel]
	if !ok {
		return u, ch, ErrNoChannel
	}
	return u, ch, nil
}

// Say posts a message as a person; thread may be empty. It returns its ts.
func (s *Server) Say(user, channel, thread, text string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, _, err := s.actorLocked(user, channel); err != nil {
		return "", err
	}
	return s.postLocked(Message{Channel: channel, User: user, Thread: thread, Text: text}).TS, nil
}

// Remove deletes a message as an administrator may. Replies stay.
func (s *Server) Remove(channel, ts string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.findLocked(channel, ts)
	if !ok {
		return ErrNoMessage
	}
	s.removeLocked(m)
	return nil
}
