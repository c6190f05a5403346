package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"rekey/bot/chat/render"
	"rekey/commands"
	"rekey/internal/secret"
	"rekey/rotation"
)

// slash answers a command that was acknowledged, through its response URL,
// which works even where we are not a member. The text is never repeated and
// never logged: people paste secrets into it.
func (c *Chat) slash(ctx context.Context, cmd slack.SlashCommand) error {
	came := time.Now()
	asked, cancel := context.WithTimeout(ctx, c.config.AnswerTimeout)
	defer cancel()
	reply := c.answer(asked, cmd)
	if reply.Err != nil {
		c.config.Log.Warn("a command was not carried out", "command", cmd.Command, "user", cmd.TeamID+"/"+cmd.UserID, "error", reply.Err)
	}
	// What came of it is told also when it took all its time, or Rekey is ending.
	told, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.config.RequestTimeout)
	defer cancel()
	if reply.Form != nil {
		return c.ask(told, cmd, came, reply)
	}
	return c.show(told, cmd.ResponseURL, reply)
}

func (c *Chat) answer(ctx context.Context, cmd slack.SlashCommand) commands.Reply {
	q := commands.Request{Command: cmd.Command, Text: cmd.Text}
	if commands.KeyShaped(cmd.Text) {
		return c.answerer.Handle(ctx, q) // refused as a leak, whoever asks and whether or not Slack can say who
	}
	return c.reply(ctx, cmd.UserID, c.people.recent, q)
}

// reply answers somebody, with the standing that look finds.
func (c *Chat) reply(ctx context.Context, user string, look looker, q commands.Request) commands.Reply {
	var err error
	if q.Person, q.Standing, err = c.caller(ctx, user, look); err != nil {
		text := "Rekey could not find out who you are, so nothing was done. Try again in a minute."
		return commands.Reply{Title: "That did not work", Text: text, Paragraphs: []string{text}, Err: err}
	}
	return c.answerer.Handle(ctx, q)
}

// show answers through a response URL.
func (c *Chat) show(ctx context.Context, target string, reply commands.Reply) error {
	return c.respond(ctx, target, render.Reply(reply, func(name string) render.Audience {
		return c.people.approvers(name).audience()
	}))
}

// A looker finds out who somebody is.
type looker func(ctx context.Context, id string) (known, error)

// caller is who typed a command or clicked, with what they may do now.
func (c *Chat) caller(ctx context.Context, user string, look looker) (rotation.Person, rotation.Standing, error) {
	var k known
	err := patiently(func() (err error) {
		k, err = look(ctx, user)
		return err
	})
	if err != nil {
		return rotation.Person{}, rotation.Standing{}, err
	}
	s := rotation.Standing{Member: k.member, Why: k.why}
	err = patiently(func() (err error) {
		s.Starter, err = c.people.starter(ctx, append(k.ids, user))
		return err
	})
	if err != nil {
		return rotation.Person{}, rotation.Standing{}, err
	}
	return k.person, s, nil
}

// patiently asks again, a few times, where Slack only asked to slow down: a
// person waits for the answer, and the next call keeps the pause by itself.
func patiently(ask func() error) (err error) {
	const tries = 3
	for range tries {
		var call *callError
		if err = ask(); !errors.As(err, &call) || call.verdict != limited {
			return err
		}
	}
	return err
}

// plain is a message without structure.
func plain(text string) render.Message { return render.Message{Text: text} }

// respond answers the person through a response URL. The URL is a secret of
// its own and appears in no error.
func (c *Chat) respond(ctx context.Context, target string, m render.Message) error {
	if err := c.trusted(target); err != nil {
		return err
	}
	body, err := json.Marshal(struct {
		Type    string        `json:"response_type"`
		Replace bool          `json:"replace_original"`
		Text    string        `json:"text"`
		Blocks  []slack.Block `json:"blocks,omitempty"`
	}{"ephemeral", false, m.Text, m.Blocks})
	if err != nil {
		return fmt.Errorf("encoding an answer: %w", err)
	}
	const tries = 3
	for attempt := 1; ; attempt++ {
		again, err := c.respondOnce(ctx, target, body)
		if err == nil {
			return nil
		}
		if !again || attempt == tries || !sleep(ctx, time.Duration(attempt)*c.config.RetryFirst) {
			return fmt.Errorf("answering through a response URL: %w", err)
		}
	}
}

// respondOnce posts once; again reports that trying once more may help and
// does no harm: at worst the person reads the answer twice.
func (c *Chat) respondOnce(ctx context.Context, target string, body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.RequestTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return false, errors.New("the URL is not usable")
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	client := *c.config.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		return true, c.api.bare(err, secret.New(target), secret.New(req.URL.Path))
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)) // only so that the connection can be used again
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode >= http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests, fmt.Errorf("status %d", resp.StatusCode)
	}
	return false, nil
}

// trusted holds that a response URL leads to Slack: it came in an envelope,
// and what we post there names people and keys.
func (c *Chat) trusted(target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return errors.New("answering through a response URL: it is not a URL")
	}
	base, err := url.Parse(c.config.APIURL)
	if err != nil {
		return errors.New("answering through a response URL: the API URL is not a URL") // unreachable: New has checked it
	}
	sameHost := strings.EqualFold(u.Host, base.Host) && u.Scheme == base.Scheme
	if sameHost || u.Scheme == "https" && strings.EqualFold(u.Host, "hooks.slack.com") {
		return nil
	}
	return errors.New("answering through a response URL: it does not lead to Slack, so nothing was sent")
}
