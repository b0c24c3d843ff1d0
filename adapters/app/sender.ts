// The lane of a message: whose messages are decided in the order they came.
import type { AppAppeal, AppContact } from './body.ts';

/**
 * One text for one person, cheaply made; null where nobody is named. The parts of a conversation share the lane of the
 * conversation, since the contact often comes with one of them only.
 */
export function sender(data: AppAppeal): string | null {
  if (data.conversation !== undefined) return `conversation:${data.conversation}`;
  return data.contact === undefined ? null : person(data.contact);
}

function person(contact: AppContact): string | null {
  const phone = digits(contact.phone) ?? digits(contact.callerPhone);
  if (phone !== null) return `phone:${phone}`;
  const openid = contact.openid?.trim();
  if (openid) return `openid:${openid}`;
  const email = contact.email?.trim().toLowerCase();
  if (email) return `email:${email}`;
  const idNumber = contact.idNumber?.trim().toUpperCase();
  return idNumber ? `id:${idNumber}` : null;
}

/** A mobile number as nearly everybody writes it; what follows would leave it as it is. */
const PLAIN_MOBILE = /^1\d{10}$/;

/** The digits of a Chinese phone number without the country's code; null when there are too few for one. */
function digits(phone: string | undefined): string | null {
  if (phone === undefined) return null;
  if (PLAIN_MOBILE.test(phone)) return phone;
  const all = phone
    .normalize('NFKC')
    .replaceAll(/\D/g, '')
    .replace(/^(?:00)?86(?=1\d{10}$|0\d{9,11}$)/, '');
  return all.length >= 5 ? all : null;
}
