package email

import "testing"

// TestClassify: what receivers of Japanese mail say, in the words of their own servers, and what it means. The samples are
// written after what operators and the makers of these servers have published; addresses and hosts are made up.
func TestClassify(t *testing.T) {
	t.Parallel()
	f := func(status, said, class, reason string) {
		t.Helper()
		if c, r := Classify(status, said); c != class || r != reason {
			t.Errorf("%s %s\n  is %s (%s), want %s (%s)", status, said, c, r, class, reason)
		}
	}
	// docomo
	f("5.1.1", "550 Unknown user taro@docomo.ne.jp (in reply to RCPT TO command)", Hard, "unknown_user")
	f("5.0.0", "550 Unknown user taro@docomo.ne.jp", Hard, "unknown_user")
	f("5.2.2", "552 5.2.2 <taro@docomo.ne.jp>: mailbox full", Soft, "full")
	f("4.3.2", "421 mfsmax.docomo.ne.jp Service not available, too many messages from your host", Block, "rate")
	f("5.7.1", "550 5.7.1 Your message was refused: domain designation reception", Block, "policy")
	f("4.5.0", "450 4.5.0 temporarily unavailable, try again", Soft, "temporary")
	// au
	f("5.1.1", "550 <hanako@ezweb.ne.jp>: User unknown (in reply to RCPT TO command)", Hard, "unknown_user")
	f("5.2.1", "550 The user(s) account is disabled.", Hard, "disabled")
	f("4.2.2", "452 The user(s) account is temporarily over quota.", Soft, "full")
	f("5.0.0", "As their mailbox is full", Soft, "full")
	f("5.4.7", "Your message was not delivered within 0 days and 1 hours.", Soft, "timeout")
	f("5.1.2", "As the remote domain doesnt exist.", Hard, "no_host")
	// SoftBank, Y!mobile
	f("5.1.1", "550 Invalid recipient: <jiro@softbank.ne.jp>", Hard, "unknown_user")
	f("5.2.0", "550 5.2.0 Message rejected due to content", Block, "content")
	f("4.7.0", "421 Too many connections from your host", Block, "rate")
	f("5.1.1", "550 5.1.1 <jiro@ymobile.ne.jp>... User Unknown", Hard, "unknown_user")
	// Yahoo! JAPAN
	f("5.0.0", "554 delivery error: dd This user doesn't have a yahoo.co.jp account (jiro@yahoo.co.jp) [0] - mta1001.mail.djm.yahoo.co.jp", Hard, "unknown_user")
	f("4.7.1", "421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred", Block, "reputation")
	f("5.7.9", "554 5.7.9 Message not accepted for policy reasons", Block, "policy")
	f("5.2.2", "552 5.2.2 The user's mailbox is over quota", Soft, "full")
	// Gmail
	f("5.1.1", "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 double-checking the recipient's email address", Hard, "unknown_user")
	f("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled.", Hard, "disabled")
	f("5.2.1", "550 5.2.1 The email account that you tried to reach is inactive.", Hard, "disabled")
	f("4.2.2", "452-4.2.2 The email account that you tried to reach is over quota.", Soft, "full")
	f("5.7.26", "550-5.7.26 This mail has been blocked because the sender is unauthenticated.", Block, "authentication")
	f("5.7.1", "550-5.7.1 [192.0.2.1 12] Our system has detected that this message is likely unsolicited mail.", Block, "content")
	f("4.7.28", "421-4.7.28 Gmail has detected an unusual rate of mail originating from your SPF domain", Block, "authentication")
	f("4.7.28", "421-4.7.28 Our system has detected an unusual rate of unsolicited mail", Block, "content")
	// Microsoft
	f("5.5.0", "550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", Hard, "unknown_user")
	f("5.4.1", "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)", Hard, "unknown_user")
	f("5.7.515", "550 5.7.515 Access denied, sending domain shop.example does not meet the required authentication level", Block, "authentication")
	f("5.7.1", "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your provider since part of their network is on our block list (S3150).", Block, "reputation")
	f("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", Hard, "unknown_user")
	// iCloud
	f("5.1.1", "550 5.1.1 <hanako@icloud.com>: user does not exist", Hard, "unknown_user")
	f("5.7.1", "554 5.7.1 [HM08] Message rejected due to local policy.", Block, "reputation")
	// Postfix, sendmail, Exchange and others of companies
	f("5.1.1", "550 5.1.1 <x@corp.example>: Recipient address rejected: User unknown in local recipient table", Hard, "unknown_user")
	f("5.1.1", `unknown user: "nobody-here"`, Hard, "unknown_user")
	f("5.4.4", "Host or domain name not found. Name service error for name=corp.invalid type=AAAA: Host not found", Hard, "no_host")
	f("4.4.1", "connect to mx.corp.example[192.0.2.9]:25: Connection timed out", Soft, "timeout")
	f("4.4.1", "connect to mx.corp.example[192.0.2.9]:25: Connection refused", Soft, "timeout")
	f("5.3.4", "552 5.3.4 Message size exceeds fixed limit", Soft, "too_big")
	f("5.7.1", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", Block, "reputation")
	f("5.7.1", "554 5.7.1 <x@corp.example>: Relay access denied", Block, "policy")
	f("5.1.8", "553 5.1.8 <b+x@bounce.shop.example>: Sender address rejected: Domain not found", Block, "sender")
	f("4.7.1", "450 4.7.1 <x@corp.example>: Recipient address rejected: Greylisted, see http://greylisting.example", Soft, "temporary")
	// Only a code
	f("5.1.1", "", Hard, "unknown_user")
	f("5.1.6", "moved", Hard, "unknown_user")
	f("5.2.2", "", Soft, "full")
	f("5.7.0", "", Block, "policy")
	f("4.7.0", "", Block, "rate")
	f("4.3.0", "", Soft, "temporary")
	f("5.0.0", "", Soft, "unknown")
	f("", "", Soft, "unknown")
	f("", "宛先のメールアドレスが存在しません", Hard, "unknown_user")
	f("", "メールボックスの容量を超えています", Soft, "full")
}
