package chat

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"rekey/internal/finding"
)

// Rule is whose approval one or more secrets need.
type Rule struct {
	Secrets      []string
	Approvers    People
	Quorum       int
	SelfApproval bool // the requester's own mark counts
}

// Scopes are what the bot token must be allowed; history is needed only where
// the configuration asks for it, and depends on the kind of the channel.
func Scopes() []string {
	return []string{"channels:read", "chat:write", "commands", "files:write", "groups:read", "reactions:read", "reactions:write", "usergroups:read", "users:read"}
}

// Examine looks at the workspace as a Chat of this configuration would find it:
// tokens, scopes, channel, approvers and the clock, which may be apart by the
// given length. It posts nothing. The one thing it asks for is an address for a
// socket, which nobody dials and which ends by itself.
func Examine(ctx context.Context, c Config, rules []Rule, clock time.Duration) []finding.Finding {
	return examine(ctx, c, newLimits(c.withDefaults().Rates), rules, clock)
}

// Examine of a Chat does the same. Its calls wait for their turn among all
// others of the Chat, so that they cost nobody a 429.
func (c *Chat) Examine(ctx context.Context, rules []Rule, clock time.Duration) []finding.Finding {
	return examine(ctx, c.config, c.api.limits, rules, clock)
}

func examine(ctx context.Context, c Config, turns *limits, rules []Rule, clock time.Duration) []finding.Finding {
	found := []finding.Finding{kind("Kind of the Slack bot token", c.BotToken.HasPrefix("xoxb-"), "xoxb-", "bot_token"),
		kind("Kind of the Slack app-level token", c.AppToken.HasPrefix("xapp-"), "xapp-", "app_token")}
	if err := c.check(); err != nil {
		return append(found, finding.Bad("Slack", "The configuration cannot be used.", err.Error()))
	}
	c = c.withDefaults()
	heard := &listener{}
	c.HTTP = heard.wrap(c.HTTP)
	e := &examiner{config: c, api: newAPI(c), seen: map[string]known{}}
	e.api.limits = turns
	e.people = newPeople(e.api, c)
	self, err := e.people.whoami(ctx)
	if err != nil {
		return append(found, e.failed("Slack bot token", err), e.socket(ctx))
	}
	found = append(found, finding.Good("Slack bot token", "Accepted in workspace "+self.team+" as user "+self.user+"."))
	uses := e.uses(ctx)
	found = append(found, e.scopes(heard.header(), uses))
	found = append(found, finding.Skewed("Clock of Slack", heard.date(), time.Now(), clock), e.socket(ctx))
	for _, u := range uses {
		found = append(found, e.channel(u)...)
	}
	for _, r := range rules {
		found = append(found, e.rule(ctx, r))
	}
	return append(append(found, e.starters(ctx)...), e.signers(ctx, self.team)...)
}

func kind(looked string, right bool, prefix, key string) finding.Finding {
	if right {
		return finding.Good(looked, "It begins with "+prefix+".")
	}
	return finding.Bad(looked, "It does not begin with "+prefix+".", "Put the token that begins with "+prefix+" where slack."+key+" points. The app-level token stands under Basic Information, the bot token under OAuth & Permissions.")
}

// listener keeps the headers of the last answer to auth.test: they tell scopes
// and time.
type listener struct {
	mu   sync.Mutex
	last http.Header
}

func (l *listener) wrap(c *http.Client) *http.Client {
	own := *c
	own.Transport = overheard{l, c.Transport}
	return &own
}

type overheard struct {
	by    *listener
	inner http.RoundTripper
}

// RoundTrip notes what came back.
func (o overheard) RoundTrip(r *http.Request) (*http.Response, error) {
	inner := o.inner
	if inner == nil {
		inner = http.DefaultTransport
	}
	resp, err := inner.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/"+methodAuth) {
		o.by.mu.Lock()
		o.by.last = resp.Header
		o.by.mu.Unlock()
	}
	return resp, err
}

func (l *listener) header() http.Header {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// date is the server's, zero when it told none.
func (l *listener) date() time.Time {
	at, err := http.ParseTime(l.header().Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at
}

type examiner struct {
	config Config
	api    *api
	people *people
	seen   map[string]known
}

// scopes compares what the token is allowed with what it needs. Slack tells the
// former in a header: https://docs.slack.dev/authentication/installing-with-oauth
func (e *examiner) scopes(header http.Header, uses []use) finding.Finding {
	const looked = "Scopes of the Slack bot token"
	told := header.Get("X-OAuth-Scopes")
	if told == "" {
		return finding.Open(looked, "Slack did not tell them.", "Compare them with the manifest under OAuth & Permissions.")
	}
	var have, missing []string
	for scope := range strings.SplitSeq(told, ",") {
		have = append(have, strings.TrimSpace(scope))
	}
	for _, need := range append(Scopes(), e.history(uses)...) {
		if !slices.Contains(have, need) {
			missing = append(missing, need)
		}
	}
	if len(missing) > 0 {
		return finding.Bad(looked, "Missing: "+strings.Join(missing, ", ")+".",
			"Add what is missing under OAuth & Permissions, then install the app in the workspace again.")
	}
	return finding.Good(looked, "All that are needed are there.")
}

// history are the scopes for reading back in the channels that could be looked
// at, each by its kind: one for public channels opens no private one.
// https://docs.slack.dev/reference/methods/conversations.history
func (e *examiner) history(uses []use) []string {
	var all []string
	for _, u := range uses {
		scope := "channels:history"
		if u.err == nil && u.seen.IsPrivate {
			scope = "groups:history"
		}
		if e.config.History && u.err == nil && !slices.Contains(all, scope) {
			all = append(all, scope)
		}
	}
	return all
}

// socket asks for an address with the app-level token.
func (e *examiner) socket(ctx context.Context) finding.Finding {
	const looked, method = "Slack app-level token", "apps.connections.open"
	err := e.api.call(ctx, method, "", func(ctx context.Context) error {
		_, _, err := e.api.client.StartSocketModeContext(ctx)
		return err
	})
	if err != nil {
		return e.failed(looked, err)
	}
	return finding.Good(looked, "Accepted; Slack offers a socket.")
}

// use is a channel that the bot posts in, and how it was found.
type use struct {
	looked, key string // what it is, and where the configuration names it
	harm        string // what another company in it means
	seen        *slack.Channel
	err         error
}

// uses looks at the channel, and at that of the digests where it is another one.
func (e *examiner) uses(ctx context.Context) []use {
	id := e.config.Channel
	all := []use{{looked: "Channel " + id, key: "slack.channel", harm: "approvals are refused there"}}
	all[0].seen, all[0].err = e.api.channel(ctx, id)
	if id = e.config.Digests; id != e.config.Channel {
		u := use{looked: "Channel " + id + " of the digests", key: "announce.channel", harm: "digests name secrets there, and what depends on them"}
		u.seen, u.err = e.api.channel(ctx, id)
		all = append(all, u)
	}
	return all
}

func (e *examiner) channel(u use) []finding.Finding {
	if u.err != nil {
		return []finding.Finding{e.failed(u.looked, u.err)}
	}
	return []finding.Finding{joined(u.looked, u.seen, u.key), shared(u)}
}

func joined(looked string, ch *slack.Channel, key string) finding.Finding {
	switch {
	case ch.IsArchived:
		return finding.Bad(looked, "It is archived.", "Take it out of the archive, or name another channel in "+key+".")
	case !ch.IsMember:
		return finding.Bad(looked, "The bot is not in it.", "Type /invite and the bot's name in that channel.")
	default:
		return finding.Good(looked, "The bot is in it.")
	}
}

// shared asks what the ballot asks: an invitation that another company has not
// taken up yet counts.
func shared(u use) finding.Finding {
	looked, advice := u.looked+", sharing", "Stop sharing it, or name another channel in "+u.key+"."
	switch {
	case u.seen.IsExtShared:
		return finding.Bad(looked, "It is shared with another company; "+u.harm+".", advice)
	case u.seen.IsPendingExtShared:
		return finding.Bad(looked, "It is about to be shared with another company; "+u.harm+".", advice)
	default:
		return finding.Good(looked, "It is not shared with another company.")
	}
}

// mostLookedUp bounds how many people one look asks Slack about.
const mostLookedUp = 40

// rule says whether enough people can approve: of the listed ones only full
// members count, and one of them may be the requester.
func (e *examiner) rule(ctx context.Context, r Rule) finding.Finding {
	looked := "Approvers of " + strings.Join(r.Secrets, ", ")
	ids, err := e.everybody(ctx, r.Approvers)
	if err != nil {
		return e.failed(looked, err)
	}
	if len(ids) > mostLookedUp {
		return finding.Open(looked, fmt.Sprintf("There are %d of them, too many to ask about each.", len(ids)), "Make sure that enough of them are full members.")
	}
	able, not, err := e.able(ctx, ids)
	if err != nil {
		return e.failed(looked, err)
	}
	count, note := len(able), ""
	if !r.SelfApproval && count > 0 && e.mayAsk(ctx, able) {
		count, note = count-1, ", of whom one may be the requester, who does not count"
	}
	found := fmt.Sprintf("%d of %d are full members%s; the quorum is %d.%s", len(able), len(ids), note, r.Quorum, excluded(not))
	if count < r.Quorum {
		return finding.Bad(looked, found, "Name more approvers who are full members, or ask for fewer approvals: policy.approvers and policy.quorum.")
	}
	return finding.Good(looked, found)
}

// everybody lists the ids of people, members of their group included.
func (e *examiner) everybody(ctx context.Context, p People) ([]string, error) {
	ids := slices.Clone(p.Users)
	if p.Group != "" {
		members, err := e.people.members(ctx, p.Group)
		if err != nil {
			return nil, err
		}
		ids = append(ids, members...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// able sorts people into those who count and the others, with the reason.
func (e *examiner) able(ctx context.Context, ids []string) (able []string, not map[string]string, err error) {
	not = map[string]string{}
	for _, id := range ids {
		k, asked := e.seen[id]
		if !asked {
			if k, err = e.people.look(ctx, id); err != nil {
				return nil, nil, err
			}
			e.seen[id] = k
		}
		if k.member {
			able = append(able, id)
		} else {
			not[id] = k.why
		}
	}
	return able, not, nil
}

// mayAsk reports whether one of these people may start a rotation; where it
// cannot be told, one may.
func (e *examiner) mayAsk(ctx context.Context, able []string) bool {
	if e.config.Starters.IsZero() {
		return true
	}
	starters, err := e.everybody(ctx, e.config.Starters)
	return err != nil || slices.ContainsFunc(starters, func(id string) bool { return slices.Contains(able, id) })
}

func excluded(not map[string]string) string {
	if len(not) == 0 {
		return ""
	}
	var why []string
	for _, id := range slices.Sorted(maps.Keys(not)) {
		why = append(why, id+" ("+not[id]+")")
	}
	return " Not counted: " + strings.Join(why, ", ") + "."
}

// starters are looked at only where a group decides who they are.
func (e *examiner) starters(ctx context.Context) []finding.Finding {
	if e.config.Starters.Group == "" {
		return nil
	}
	const looked = "Starters"
	ids, err := e.everybody(ctx, e.config.Starters)
	switch {
	case err != nil:
		return []finding.Finding{e.failed(looked, err)}
	case len(ids) == 0:
		return []finding.Finding{finding.Bad(looked, "Nobody is in the group.", "Put somebody into the group, or name people in starters.")}
	default:
		return []finding.Finding{finding.Good(looked, fmt.Sprintf("%d people may start rotations.", len(ids)))}
	}
}

// failed puts a refused call into words.
func (e *examiner) failed(looked string, err error) finding.Finding {
	var c *callError
	var dial *net.OpError
	if !errors.As(err, &c) {
		return finding.Open(looked, "It could not be looked at.", "Look at the log, then ask again.")
	}
	found := fmt.Sprintf("Slack was asked %s and answered %s.", c.method, word(c))
	switch {
	case c.code == "missing_scope" && c.needed != "":
		return finding.Bad(looked, "The scope "+c.needed+" is missing.", "Add it under OAuth & Permissions (connections:write: to the app-level token, under Basic Information), then install the app again.")
	case advice[c.code] != "":
		return finding.Bad(looked, found, advice[c.code])
	case c.code != "" && c.verdict == refused:
		return finding.Bad(looked, found, "Look the word up at https://docs.slack.dev/reference/methods/"+c.method+".")
	case c.verdict == unsent && errors.As(c.err, &dial):
		return finding.Bad(looked, "Slack could not be reached.", "Look at the way to Slack: name, proxy, slack.api_url.")
	default:
		return finding.Open(looked, found, "Ask again in a minute.")
	}
}

func word(c *callError) string {
	switch {
	case c.code != "":
		return c.code
	case c.verdict == limited:
		return "to slow down"
	default:
		return "nothing that can be used"
	}
}

const newToken = "Install the app in the workspace again and put the new token into its file."

// advice is what to do about Slack's own words.
var advice = map[string]string{
	"invalid_auth":           newToken,
	"not_authed":             newToken,
	"token_revoked":          newToken,
	"token_expired":          "Switch token rotation off in the app's settings, then install it again.",
	"account_inactive":       newToken,
	"not_allowed_token_type": "Put each token where it belongs: xapp- into slack.app_token, xoxb- into slack.bot_token.",
	"channel_not_found":      "Compare slack.channel with the id in the channel's details; into a private channel the bot must be invited first.",
	"no_such_subteam":        "Compare the id of the user group with Slack; it may have been removed.",
	"plan_upgrade_required":  "User groups need a paid plan; name people in users instead.",
}
