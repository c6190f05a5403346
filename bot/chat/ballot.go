package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"rekey/internal/secret"
	"rekey/rotation"
	"rekey/state"
)

// The emoji that count, by the names Slack gives them
// (https://github.com/iamcal/emoji-data). Exact names only: a custom emoji may
// look like anything.
const (
	emojiYes = "white_check_mark"
	emojiNo  = "x"
	// emojiNotLeak is the other yes, on a request about the vault alone.
	emojiNotLeak = "white_circle"
)

// lookAlikes are emoji with which people mean yes or no and that do not count.
var lookAlikes = []string{
	"heavy_check_mark", "ballot_box_with_check", "negative_squared_cross_mark", "heavy_multiplication_x",
	"+1", "thumbsup", "-1", "thumbsdown", "ok", "ok_hand", "no_entry", "no_entry_sign", "o",
}

// bareEmoji drops the skin tone: "+1::skin-tone-3" is "+1".
func bareEmoji(name string) string {
	bare, _, _ := strings.Cut(strings.Trim(name, ":"), "::skin-tone-")
	return bare
}

// mostStrangers bounds how many people who are not on the approver list are
// looked up for one card, only to tell them so.
const mostStrangers = 20

// errNotPosted says that a card's message has no reference yet.
var errNotPosted = errors.New("the card has not been posted yet")

// ballot reads what stands on a card at its own source. It implements
// [rotation.Ballot].
type ballot struct {
	api    *api
	people *people
	store  state.Decisions
	places *places
	key    secret.Key
	log    *slog.Logger

	patience time.Duration
}

// Marks implements [rotation.Ballot]. It is asked in the middle of an act, which
// holds the rotation: where Slack wants to be left alone for longer than
// patience, that is an answer, and the act is tried again later.
func (b *ballot) Marks(ctx context.Context, r *rotation.Rotation, card int) (rotation.Marks, error) {
	ctx, cancel := context.WithTimeout(ctx, b.patience)
	defer cancel()
	seen, err := b.read(ctx, r, card)
	return seen.marks, err
}

// sight is everything seen on a card at one moment.
type sight struct {
	at       place
	marks    rotation.Marks
	mistaken []string // ids of people who used a look-alike and nothing else
}

func (b *ballot) read(ctx context.Context, r *rotation.Rotation, card int) (sight, error) {
	op := fmt.Sprintf("reading request %d of %s", card, r.Key())
	seen, err := b.face(ctx, messageOn(r, card))
	if err != nil {
		return sight{}, fmt.Errorf("%s: %w", op, err)
	}
	s, err := b.judge(ctx, r, card, seen, &poll{roll: b.people.roll(), voters: make(map[string]known)})
	if err != nil {
		return sight{}, fmt.Errorf("%s: %w", op, err)
	}
	return s, nil
}

// shown is a request's message as Slack shows it at one moment.
type shown struct {
	at        place
	why       string // it does not count, when not ""
	reactions []slack.ItemReaction
}

// question names where people are asked: on a card of the rotation's own, or of
// its batch.
type question struct {
	key    string
	number int
}

func messageOn(r *rotation.Rotation, card int) question {
	if s := sheafOf(r, card); s != nil {
		return question{s.Batch, s.Number}
	}
	return question{r.Key(), card}
}

// sheafOf is the card of the batch on which people were asked, nil where a
// rotation asks by itself.
func sheafOf(r *rotation.Rotation, card int) *rotation.Sheaf {
	if c := r.Card; c != nil && c.Number == card && c.Together {
		return r.Sheaf
	}
	return nil
}

// face looks at a message.
func (b *ballot) face(ctx context.Context, q question) (s shown, err error) {
	if s.at, err = b.places.of(ctx, q.key, q.number); err != nil {
		return s, err
	}
	if s.why, err = b.unfit(ctx, s.at.channel); err != nil || s.why != "" {
		return s, err
	}
	s.reactions, err = b.api.reactions(ctx, s.at.channel, s.at.ts)
	if code := codeOf(err); code == "message_not_found" || code == "thread_not_found" {
		s.why, err = "The message of this request was deleted.", nil
	}
	return s, err
}

// judge counts what a message shows for one rotation: whose marks they are is
// asked once, whether they may approve is asked for its own secret.
func (b *ballot) judge(ctx context.Context, r *rotation.Rotation, card int, seen shown, q *poll) (sight, error) {
	s := sight{at: seen.at}
	if s.marks.Why = seen.why; s.marks.Why != "" {
		return s, nil
	}
	if sheaf := sheafOf(r, card); sheaf != nil && !sheaf.Covers(r) {
		s.marks.Why = "The request no longer says what people were asked."
		return s, nil
	}
	s.marks.Live = true
	q.approvers, q.about = b.people.approvers(r.Secret), aboutOf(r, card)
	if err := b.countClicks(ctx, r, card, q, &s); err != nil {
		return sight{}, err
	}
	return s, b.count(ctx, q, seen.reactions, &s)
}

// countClicks turns what was clicked into marks. They come before the
// reactions: a click was confirmed, and a veto by click has a reason.
func (b *ballot) countClicks(ctx context.Context, r *rotation.Rotation, card int, q *poll, s *sight) error {
	clicks, err := b.clicks(ctx, r, card)
	if err != nil {
		return err
	}
	for _, c := range clicks {
		mark, counts, err := q.mark(ctx, c.User)
		if err != nil {
			return err
		}
		if mark.Yes, mark.Path, mark.Reason, mark.Answer = c.Yes, "button", c.Reason, c.Answer; counts {
			s.marks.Marks = append(s.marks.Marks, mark)
		}
	}
	return nil
}

// unfit says why approvals may not run in a channel now, or "".
func (b *ballot) unfit(ctx context.Context, channel string) (string, error) {
	c, err := b.api.channel(ctx, channel)
	switch code := codeOf(err); {
	case code == "channel_not_found", code == "not_in_channel", err == nil && !c.IsMember:
		return "Rekey is not a member of this channel any more; approvals do not run here. Use /invite to bring it back.", nil
	case err != nil:
		return "", err
	case c.IsArchived:
		return "The channel is archived; approvals do not run here.", nil
	case c.IsExtShared, c.IsPendingExtShared:
		return "The channel is shared with another company; approvals do not run here.", nil
	default:
		return "", nil
	}
}

// count turns reactions into marks. A list of people that is shorter than the
// number of reactions is not the truth.
func (b *ballot) count(ctx context.Context, q *poll, reactions []slack.ItemReaction, s *sight) error {
	self, err := b.people.whoami(ctx)
	if err != nil {
		return err
	}
	var alike []string
	for _, reaction := range reactions {
		name := bareEmoji(reaction.Name)
		if slices.Contains(lookAlikes, name) {
			alike = append(alike, reaction.Users...)
		}
		if !slices.Contains(emojiFor(q.about), name) {
			continue
		}
		if reaction.Count > len(reaction.Users) {
			return empty(methodReactions)
		}
		for _, user := range reaction.Users {
			if user == self.user {
				continue // we seed both, so that people click once
			}
			mark, counts, err := q.mark(ctx, user)
			if err != nil {
				return err
			}
			if name == emojiNotLeak {
				mark.Answer = rotation.VaultNotLeak
			}
			if mark.Yes, mark.Path = name != emojiNo, "emoji"; counts {
				s.marks.Marks = append(s.marks.Marks, mark)
			}
		}
	}
	for _, user := range alike {
		if _, voted := q.voters[user]; !voted && user != self.user && !slices.Contains(s.mistaken, user) {
			s.mistaken = append(s.mistaken, user)
		}
	}
	return nil
}

// emojiFor are those that count on a request, as they are seeded.
func emojiFor(about string) []string {
	if about == rotation.AboutVault {
		return []string{emojiYes, emojiNotLeak, emojiNo}
	}
	return []string{emojiYes, emojiNo}
}

func aboutOf(r *rotation.Rotation, card int) string {
	if c := r.CardOf(card); c != nil {
		return c.About
	}
	return ""
}

// poll is one reading of a card: everybody is looked up once, and every user
// group is asked once.
type poll struct {
	roll      roll
	approvers People
	voters    map[string]known // by id
	about     string           // what the request asks
	strangers int              // looked up although they are on no list
}

// mark is what a person's reaction or click stands for. It reports false for the many
// strangers beyond those who are told why they do not count.
func (q *poll) mark(ctx context.Context, user string) (rotation.Mark, bool, error) {
	k, looked := q.voters[user]
	if !looked {
		listed, err := q.roll.among(ctx, q.approvers, []string{user})
		if err != nil {
			return rotation.Mark{}, false, err
		}
		if !listed {
			if q.strangers++; q.strangers > mostStrangers {
				return rotation.Mark{}, false, nil
			}
		}
		if k, err = q.roll.people.look(ctx, user); err != nil {
			return rotation.Mark{}, false, err
		}
		q.voters[user] = k
	}
	approver, err := q.roll.among(ctx, q.approvers, append(k.ids, user))
	if err != nil {
		return rotation.Mark{}, false, err
	}
	return rotation.Mark{
		Person:   k.person,
		Standing: rotation.Standing{Member: k.member, Why: k.why, Approver: approver},
	}, true, nil
}

// place is where a message stands.
type place struct{ channel, ts string }

func (p place) String() string { return p.channel + "/" + p.ts }

// placeOf reads a stored reference.
func placeOf(ref string) (place, bool) {
	channel, ts, ok := strings.Cut(ref, "/")
	return place{channel, ts}, ok && channel != "" && ts != ""
}

const rootRef = "root"

func cardRef(number int) string { return "card/" + strconv.Itoa(number) }

// cardNumber is the number of the card that a reference's name stands for.
func cardNumber(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, "card/")
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0
}
