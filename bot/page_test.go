//go:build !release

package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
)

// TestPage plays the whole story as a person with a browser does.
func TestPage(t *testing.T) {
	t.Parallel()
	v := open(t, sandboxOptions{speed: 2}).visit()
	v.paints("with a new browser")
	v.do(chromedp.Reload())
	v.appears(".person")
	v.paints("again")
	v.photograph("empty")

	v.types("/rot")
	v.sees("the completion", `document.querySelectorAll("#choices:not([hidden]) li").length > 4`)
	v.photograph("completion")
	v.types("ate FAL_KEY\r")
	v.reads("#channel-list .private", "started")
	v.click(".to-thread")
	v.reads("#thread-list", "Looked first")

	v.appears(card)
	v.sees("instances on the new key", `document.querySelectorAll(".instance.new").length === 4`)
	v.photograph("card", chromedp.EmulateViewport(1440, 1020))
	v.do(chromedp.EmulateViewport(1440, 900))

	v.becomes(sandbox.Guest)
	v.clicks("white_check_mark")
	v.reads("#thread-list .private, #channel-list .private", "guest")
	v.photograph("guest")
	v.kept()

	v.becomes(sandbox.Approver)
	v.sees("nothing that only the guest may see", `!document.querySelector(".private")`)
	v.clicks("white_check_mark")
	v.reads("#thread-list", "The old key is dead")
	v.reads("#thread-list", "Failed application requests seen: 0 of")
	v.reads("#failed", "0")
	v.sees("the dead key in the console", `document.querySelectorAll("#keys .dead").length === 1`)
	v.finishes("U0BEN")

	v.sees("the report's beginning", `document.querySelector("#thread-list .message:last-child .b-header")?.getBoundingClientRect().top < 300`)
	v.photograph("page-light")
	v.photograph("page-dark", scheme("dark"))
	v.photograph("thread", scheme("light"), v.toCard())
	v.photograph("narrow", chromedp.EmulateViewport(1000, 800))
	v.photograph("phone", chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2)), v.toCard())
	v.click(`.tabs [data-view="channel"]`)
	v.photograph("phone-channel")
	v.click(`.tabs [data-view="world"]`)
	v.photograph("phone-world")
}

// posts lets the bot post blocks into the channel.
func (v *visitor) posts(blocks string) slack.Message {
	v.Helper()
	body := url.Values{"channel": {sandbox.Channel}, "text": {"blocks"}, "blocks": {blocks}}.Encode()
	q, err := http.NewRequestWithContext(v.ctx, http.MethodPost, v.world.Endpoints().Slack+"chat.postMessage", strings.NewReader(body))
	if err != nil {
		v.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Authorization", "Bearer "+v.world.Credentials().SlackBot)
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		v.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var posted struct {
		OK       bool
		TS       string
		Metadata struct{ Messages []string } `json:"response_metadata"`
	}
	if err := json.NewDecoder(res.Body).Decode(&posted); err != nil || !posted.OK {
		v.Fatalf("posting blocks: %+v %v", posted, err)
	}
	m, _ := v.slack.Message(sandbox.Channel, posted.TS)
	return m
}

// hostile is text that means something in HTML or is made to look like markup.
const hostile = `<img src=x onerror=alert(1)> &lt;script&gt;alert(2)&lt;/script&gt; <javascript:alert(3)|press me> ` +
	`*bold* _it_ ~no~ a_b_c 2*3*4 ` + "`<b>code</b> *kept*`" + ` <https://example.com/?a=1&amp;b=2|a *link*> <@U0BEN> <!subteam^S0APPROVE> <!here> ` +
	`<!date^1700000000^{date_num}|then> <!date^x^{date_num}|never> :warning: :no_such_emoji: :constructor:`

// shown is what of it must be seen.
const shown = `<img src=x onerror=alert(1)> <script>alert(2)</script> press me bold it no a_b_c 2*3*4 <b>code</b> *kept* ` +
	`a *link* @ben @approvers @here 2023-11-14 never ⚠️ :no_such_emoji: :constructor:`

// TestPageShowsForeignTextAsText: what people and the bot write is shown as
// Slack shows it, and nothing of it becomes part of the page.
func TestPageShowsForeignTextAsText(t *testing.T) {
	t.Parallel()
	v := open(t, sandboxOptions{}).visit()
	if _, err := v.slack.Say(sandbox.Colleague, sandbox.Channel, "", hostile); err != nil {
		t.Fatal(err)
	}
	const said = `#channel-list .message:last-child .b-text`
	v.reads(said, "no_such_emoji")
	for expression, want := range map[string]string{
		`document.querySelector("` + said + `").textContent`:                                               shown,
		`String(document.querySelectorAll("` + said + ` img, ` + said + ` script").length)`:                "0",
		`[...document.querySelectorAll("` + said + ` a")].map((a) => a.href + " " + a.rel).join()`:         "https://example.com/?a=1&b=2 noopener noreferrer",
		`[...document.querySelectorAll("` + said + ` code")].map((c) => c.textContent).join()`:             "<b>code</b> *kept*",
		`[...document.querySelectorAll("` + said + ` :is(strong, em, s)")].map((c) => c.tagName).join("")`: "STRONGEMS",
	} {
		got, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](expression))
		if err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", expression, got, err, want)
		}
	}
}

// TestPageAsksBeforeAButtonIsPressed plays a card with every kind of block, and
// its button with a confirm dialog.
func TestPageAsksBeforeAButtonIsPressed(t *testing.T) {
	t.Parallel()
	v := open(t, sandboxOptions{}).visit()
	m := v.posts(`[
		{"type":"header","text":{"type":"plain_text","text":"A card :key:"}},
		{"type":"section","text":{"type":"mrkdwn","text":"*Text* with an accessory"},"accessory":{"type":"overflow","action_id":"more","options":[{"text":{"type":"plain_text","text":"Snooze"},"value":"s"}]}},
		{"type":"section","fields":[{"type":"mrkdwn","text":"*One*\nfirst"},{"type":"mrkdwn","text":"*Two*\nsecond"}]},
		{"type":"divider"},
		{"type":"image","image_url":"https://example.com/a.png","alt_text":"a picture from elsewhere"},
		{"type":"context","elements":[{"type":"mrkdwn","text":"in small"}]},
		{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"rich","style":{"bold":true}}]}]},
		{"type":"actions","elements":[
			{"type":"button","action_id":"end","style":"danger","value":"v","text":{"type":"plain_text","text":"End the old key"},
			 "confirm":{"title":{"type":"plain_text","text":"End it?"},"text":{"type":"mrkdwn","text":"*This* cannot be undone."},"confirm":{"type":"plain_text","text":"End it"},"deny":{"type":"plain_text","text":"Keep it"},"style":"danger"}},
			{"type":"button","action_id":"keep","text":{"type":"plain_text","text":"Keep it"}}]}]`)
	for selector, text := range map[string]string{
		".b-header": "A card 🔑", ".b-field": "second", ".b-context": "in small", ".b-absent": "a picture from elsewhere", ".blocks strong": "rich",
	} {
		v.reads(`[data-ts="`+m.TS+`"] `+selector, text)
	}
	pressed := v.acknowledged()
	const end = `[data-focus="end"]`
	v.click(end)
	v.appears("#confirm")
	v.reads("#confirm", "This cannot be undone.")
	v.photograph("confirm")
	v.do(chromedp.KeyEvent("\r")) // the focus is on what does nothing
	v.vanishes("#confirm")
	v.click(`[data-focus="keep"]`)
	v.until("the other button is acknowledged", func(now slack.Snapshot) bool { return now.Stats.Acked > pressed })
	if got := v.acknowledged() - pressed; got != 1 {
		t.Errorf("%d presses came to the bot; the refused one is none", got)
	}
	v.click(end)
	v.click("#confirm-yes")
	v.until("the button is acknowledged", func(now slack.Snapshot) bool { return now.Stats.Acked == pressed+2 })
}

func (v *visitor) acknowledged() int { return v.slack.Stats().Acked }

// TestPageSwitchesFaultsAndSaysWhatIsRefused plays what goes wrong: a fault is
// injected and switched off, an outsider types a command, a person types one in
// a thread, and the bot ends.
func TestPageSwitchesFaultsAndSaysWhatIsRefused(t *testing.T) {
	t.Parallel()
	v := open(t, sandboxOptions{}).visit()
	v.click("#break summary")
	v.click("#fault-form button")
	v.reads("#faults", "Slack refuses (401)")
	v.photograph("fault", chromedp.Evaluate[chromedp.Void](`document.querySelector("#faults .row").scrollIntoView()`))
	v.click("#faults button")
	v.sees("no fault", `document.querySelectorAll("#faults .row").length === 0`)

	v.becomes(sandbox.Outsider)
	v.types("/rotate FAL_KEY\r")
	v.reads("#trouble", "only members of the workspace")
	v.photograph("trouble")

	v.bot.stop()
	v.reads("#bot", "bot ended")
	v.becomes(sandbox.Requester)
	v.types("\r")
	v.reads("#trouble", "not connected")
}
