package chat

import (
	"fmt"
	"slices"
)

// gone reports that a message of ours was deleted, or with its thread.
func gone(err error) bool {
	return slices.Contains([]string{"message_not_found", "thread_not_found"}, codeOf(err))
}

// frozen reports that the workspace does not let us edit a message any more
// (https://docs.slack.dev/reference/methods/chat.update).
func frozen(err error) bool {
	return slices.Contains([]string{"edit_window_closed", "cant_update_message"}, codeOf(err))
}

// remedies say what a person can do about Slack's answers.
var remedies = map[string]string{
	"not_in_channel":                           "invite Rekey with /invite in the channel",
	"channel_not_found":                        "check the channel's id in the configuration, and invite Rekey with /invite: a private channel is invisible until then",
	"is_archived":                              "unarchive the channel or configure another one",
	"is_inactive":                              "unarchive the channel or configure another one",
	"restricted_action":                        "a workspace setting keeps Rekey from posting in this channel; allow it or configure another channel",
	"missing_scope":                            "add the scope to the app and install it again",
	"file_uploads_disabled":                    "allow file uploads in the workspace's settings",
	"no_permission":                            "add the scope to the app and install it again",
	"not_allowed_token_type":                   "configure the bot token (xoxb-…)",
	"invalid_auth":                             "install the app again and configure the new bot token",
	"token_revoked":                            "install the app again and configure the new bot token",
	"account_inactive":                         "install the app again and configure the new bot token",
	"ekm_access_denied":                        "the workspace's key management denies access; ask an administrator",
	"restricted_action_threads":                "threads are locked in this channel; allow them or configure another channel",
	"restricted_action_non_threadable_channel": "this channel has no threads; configure another one",
}

// helpful adds to Slack's answer what a person can do about it.
func (c *Chat) helpful(err error) error {
	if err == nil {
		return nil
	}
	if remedy, ok := remedies[codeOf(err)]; ok {
		return fmt.Errorf("%w: %s", err, remedy)
	}
	return err
}
