package chat

import (
	"context"
	"strconv"

	"github.com/slack-go/slack"

	"rekey/bot/chat/render"
)

// The methods we use, by Slack's names.
const (
	methodAuth      = "auth.test"
	methodPost      = "chat.postMessage"
	methodUpdate    = "chat.update"
	methodEphemeral = "chat.postEphemeral"
	methodReactions = "reactions.get"
	methodReact     = "reactions.add"
	methodUser      = "users.info"
	methodGroup     = "usergroups.users.list"
	methodChannel   = "conversations.info"
	methodReplies   = "conversations.replies"
	methodHistory   = "conversations.history"
	methodAnnounce  = "files.getUploadURLExternal"
	methodBytes     = "the upload address"
	methodComplete  = "files.completeUploadExternal"
	methodOpen      = "views.open"
)

// metadataType marks our own messages. Metadata is readable by every app of
// the workspace: key and number of an event, nothing else.
const metadataType = "rekey"

// post sends a new message; thread is the parent's ts or "". The returned ts
// is never empty without an error.
func (a *api) post(ctx context.Context, channel, thread string, m render.Message, mark slack.SlackMetadata) (ts string, err error) {
	options := []slack.MsgOption{
		slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
	if thread != "" {
		options = append(options, slack.MsgOptionTS(thread))
	}
	if mark.EventType != "" {
		options = append(options, slack.MsgOptionMetadata(mark))
	}
	err = a.call(ctx, methodPost, channel, func(ctx context.Context) error {
		_, ts, err = a.client.PostMessageContext(ctx, channel, options...)
		return err
	})
	if err == nil && ts == "" {
		err = empty(methodPost)
	}
	return ts, err
}

// update edits one of our messages in place.
func (a *api) update(ctx context.Context, channel, ts string, m render.Message) error {
	var got string
	err := a.call(ctx, methodUpdate, "", func(ctx context.Context) error {
		var err error
		_, got, _, err = a.client.UpdateMessageContext(ctx, channel, ts, slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...),
			slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl())
		return err
	})
	if err == nil && got == "" {
		err = empty(methodUpdate)
	}
	return err
}

// whisper shows a text to one person only, in a thread.
func (a *api) whisper(ctx context.Context, channel, thread, user, text string) error {
	options := []slack.MsgOption{slack.MsgOptionText(text, true)}
	if thread != "" {
		options = append(options, slack.MsgOptionTS(thread))
	}
	return a.call(ctx, methodEphemeral, "", func(ctx context.Context) error {
		_, err := a.client.PostEphemeralContext(ctx, channel, user, options...)
		return err
	})
}

// open shows a modal to whoever made the trigger.
func (a *api) open(ctx context.Context, trigger string, view slack.ModalViewRequest) error {
	var opened *slack.ViewResponse
	err := a.call(ctx, methodOpen, "", func(ctx context.Context) error {
		var err error
		opened, err = a.client.OpenViewContext(ctx, trigger, view)
		return err
	})
	if err == nil && (opened == nil || opened.ID == "") {
		err = empty(methodOpen)
	}
	return err
}

// react adds our own reaction; one that is there already is fine.
func (a *api) react(ctx context.Context, channel, ts, emoji string) error {
	err := a.call(ctx, methodReact, "", func(ctx context.Context) error {
		return a.client.AddReactionContext(ctx, emoji, slack.NewRefToMessage(channel, ts))
	})
	if codeOf(err) == "already_reacted" {
		return nil
	}
	return err
}

// reactions reads every reaction on a message with all who made it.
func (a *api) reactions(ctx context.Context, channel, ts string) ([]slack.ItemReaction, error) {
	var item slack.ReactedItem
	err := a.call(ctx, methodReactions, "", func(ctx context.Context) error {
		var err error
		item, err = a.client.GetReactionsContext(ctx, slack.NewRefToMessage(channel, ts), slack.GetReactionsParameters{Full: true})
		return err
	})
	if err == nil && (item.Message == nil || item.Message.Timestamp != ts) {
		err = empty(methodReactions)
	}
	return item.Reactions, err
}

func (a *api) user(ctx context.Context, id string) (*slack.User, error) {
	var u *slack.User
	err := a.call(ctx, methodUser, "", func(ctx context.Context) error {
		var err error
		u, err = a.client.GetUserInfoContext(ctx, id)
		return err
	})
	if err == nil && (u == nil || u.ID == "") {
		err = empty(methodUser)
	}
	return u, err
}

func (a *api) group(ctx context.Context, id string) ([]string, error) {
	var members []string
	err := a.call(ctx, methodGroup, "", func(ctx context.Context) error {
		var err error
		members, err = a.client.GetUserGroupMembersContext(ctx, id)
		return err
	})
	if err == nil && members == nil {
		err = empty(methodGroup)
	}
	return members, err
}

func (a *api) channel(ctx context.Context, id string) (*slack.Channel, error) {
	var c *slack.Channel
	err := a.call(ctx, methodChannel, "", func(ctx context.Context) error {
		var err error
		c, err = a.client.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: id})
		return err
	})
	if err == nil && (c == nil || c.ID == "") {
		err = empty(methodChannel)
	}
	return c, err
}

// identity is who we are.
type identity struct{ team, user, enterprise, url string }

func (a *api) identity(ctx context.Context) (identity, error) {
	var id identity
	err := a.call(ctx, methodAuth, "", func(ctx context.Context) error {
		r, err := a.client.AuthTestContext(ctx)
		if err == nil {
			id = identity{team: r.TeamID, user: r.UserID, enterprise: r.EnterpriseID, url: r.URL}
		}
		return err
	})
	if err == nil && (id.team == "" || id.user == "") {
		err = empty(methodAuth)
	}
	return id, err
}

// newest is how many messages of a thread or a channel are looked through.
const newest = 100

// find looks for a message of ours by its metadata, in a thread or, when
// thread is "", among the channel's newest messages. told is the last row it
// tells.
func (a *api) find(ctx context.Context, channel, thread string, mark slack.SlackMetadata) (ts string, told int64, err error) {
	var messages []slack.Message
	if thread != "" {
		err = a.call(ctx, methodReplies, "", func(ctx context.Context) error {
			var err error
			messages, _, _, err = a.client.GetConversationRepliesContext(ctx, &slack.GetConversationRepliesParameters{ChannelID: channel, Timestamp: thread, Limit: newest, IncludeAllMetadata: true})
			return err
		})
	} else {
		err = a.call(ctx, methodHistory, "", func(ctx context.Context) error {
			page, err := a.client.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{ChannelID: channel, Limit: newest, IncludeAllMetadata: true})
			if err == nil {
				messages = page.Messages
			}
			return err
		})
	}
	for _, m := range messages {
		if told, ok := sameMark(m.Metadata, mark); ok {
			return m.Timestamp, told, err
		}
	}
	return "", 0, err
}

// sameMark reports whether a message begins with the row that a mark names,
// and the last row it tells.
func sameMark(m, mark slack.SlackMetadata) (told int64, same bool) {
	if m.EventType != mark.EventType || m.EventType == "" {
		return 0, false
	}
	for _, name := range []string{"key", "first"} {
		if m.EventPayload[name] == nil || m.EventPayload[name] != mark.EventPayload[name] {
			return 0, false
		}
	}
	last, _ := m.EventPayload["seq"].(string)
	told, err := strconv.ParseInt(last, 10, 64)
	return told, err == nil
}
