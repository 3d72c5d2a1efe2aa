/** Elements that may have a shadow tree of a component: all but those that pages are mostly made of. */
const MAYBE =
  ":not(div,span,a,p,li,ul,td,tr,i,b,br,img,input,button,label,path,svg,g,use,h1,h2,h3,h4,script,style,link,meta,option,select,form,head,body,html,strong,em,small,code,pre,table,tbody,thead,th,title,section,article,nav,header,footer,main)";

/**
 * The open shadow trees in a tree. A walk by the browser's selector engine, ten
 * times as long as a search for inputs; those on plain elements are left out
 * unless it is to be thorough, which takes ten times as long again.
 */
export function shadowsIn(root: ParentNode, thorough = false): ShadowRoot[] {
  return [...root.querySelectorAll(thorough ? "*" : MAYBE)].flatMap((element) => element.shadowRoot ?? []);
}
